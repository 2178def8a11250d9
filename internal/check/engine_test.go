package check

import (
	"errors"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

func asFound(*survey.Facts, *Options) {}

func isOn(f *survey.Facts, _ *Options) { *f = remapped() }

func engine(change func(*survey.Engine)) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) { change(&f.Engine.Value) }
}

func noEngine(f *survey.Facts, _ *Options) {
	f.Engine = survey.Read[survey.Engine]{Err: errTest}
}

func place(p survey.Place) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) { f.Where = survey.Where{Place: p, Name: "Colima", Seen: "seen so"} }
}

func containerdStore(version string) func(*survey.Facts, *Options) {
	return engine(func(e *survey.Engine) {
		e.Version, e.Driver = version, "overlayfs"
		e.DriverStatus = [][2]string{{"driver-type", "io.containerd.snapshotter.v1"}}
	})
}

var engineCases = []testCase{
	{"daemon-answers", "answers", asFound, OK, "Docker 28.5.2 at unix:///var/run/docker.sock"},
	{"daemon-answers", "down", func(f *survey.Facts, _ *Options) { f.Engine.Err = survey.ErrDaemonDown }, Error, "does not answer"},
	{"daemon-answers", "up, but not for this user", func(f *survey.Facts, _ *Options) { f.Engine.Err, f.Root = survey.ErrDaemonDown, errTest }, Error, "in the group docker"},
	{"daemon-answers", "wants a later client", func(f *survey.Facts, _ *Options) { f.Engine.Err = survey.ErrAPIVersion }, Error, "min-api-version"},
	{"daemon-answers", "unknown", noEngine, Unknown, "it went wrong"},
	{"host-reachable", "local", asFound, OK, "local"},
	{"host-reachable", "out of reach", noKernel, Error, "it went wrong"},
	{"host-reachable", "none", func(f *survey.Facts, _ *Options) { f.Kernel = fails[survey.Kernel]() }, Unknown, "ssh://"},
	{"engine-rootful", "rootful", asFound, OK, ""},
	{"engine-rootful", "rootless", engine(func(e *survey.Engine) { e.SecurityOptions = []string{"name=rootless"} }), Error, "is rootless"},
	{"engine-rootful", "rootless by its process", place(survey.PlaceRootless), Error, "is rootless"},
	{"engine-rootful", "no engine", noEngine, Unknown, ""},
	{"daemon-place", "host", asFound, OK, ""},
	{"daemon-place", "snap", place(survey.PlaceSnap), Warning, "snap"},
	{"daemon-place", "desktop", place(survey.PlaceDesktop), Error, "virtual machine"},
	{"daemon-place", "colima", place(survey.PlaceVM), Error, "in a virtual machine (seen so)"},
	{"daemon-place", "container", place(survey.PlaceContainer), Error, "in a container"},
	{"daemon-place", "podman", place(survey.PlacePodman), Error, "Podman"},
	{"daemon-place", "rootless", place(survey.PlaceRootless), Error, "rootless"},
	{"daemon-place", "forwarded", place(survey.PlaceForwarded), Unknown, "ssh://"},
	{"daemon-place", "remote", place(survey.PlaceRemote), Unknown, "ssh://"},
	{"daemon-place", "unknown", place(survey.PlaceUnknown), Unknown, "pgrep"},
	{"host-access", "root", asFound, OK, "local, as root"},
	{"host-access", "not root", func(f *survey.Facts, _ *Options) { f.Root = errTest }, Error, "it went wrong"},
	{"host-access", "not root there", func(f *survey.Facts, _ *Options) { f.Root, f.HostKind = errTest, host.KindSSH }, Error, "it went wrong"},
	{"host-access", "none", func(f *survey.Facts, _ *Options) { f.HostKind = host.KindNone }, Unknown, "ssh://"},
	{"engine-linux", "linux", asFound, OK, "Debian"},
	{"engine-linux", "windows", engine(func(e *survey.Engine) { e.OSType = "windows" }), Error, "windows"},
	{"engine-linux", "silent", engine(func(e *survey.Engine) { e.OSType = "" }), Unknown, ""},
	{"engine-linux", "no engine", noEngine, Unknown, ""},
	{"engine-version", "28", asFound, OK, "28.5.2"},
	{"engine-version", "20.10.24+dfsg1", engine(func(e *survey.Engine) { e.Version = "20.10.24+dfsg1" }), OK, ""},
	{"engine-version", "20.10.3", engine(func(e *survey.Engine) { e.Version = "20.10.3" }), OK, ""},
	{"engine-version", "20.10.2", engine(func(e *survey.Engine) { e.Version = "20.10.2" }), Error, "CVE-2021-21284"},
	{"engine-version", "19.03.15", engine(func(e *survey.Engine) { e.Version = "19.03.15" }), Error, "older than 20.10"},
	{"engine-version", "dev", engine(func(e *survey.Engine) { e.Version = "dev" }), Unknown, `"dev"`},
	{"engine-version", "no engine", noEngine, Unknown, ""},
	{"engine-api", "1.51", asFound, OK, "1.51"},
	{"engine-api", "1.40", engine(func(e *survey.Engine) { e.APIVersion = "1.40" }), Error, "1.40"},
	{"engine-api", "silent", engine(func(e *survey.Engine) { e.APIVersion = "" }), Unknown, ""},
	{"engine-api", "no engine", noEngine, Unknown, ""},
	{"storage-driver", "overlay2", asFound, OK, ""},
	{"storage-driver", "vfs", engine(func(e *survey.Engine) { e.Driver = "vfs" }), Warning, "the owners of whiteouts differently"},
	{"storage-driver", "aufs", engine(func(e *survey.Engine) { e.Driver = "aufs" }), Warning, "later engines no longer have"},
	{"storage-driver", "containerd", containerdStore("28.5.2"), Skipped, "image-store"},
	{"storage-driver", "silent", engine(func(e *survey.Engine) { e.Driver = "" }), Unknown, ""},
	{"storage-driver", "no engine", noEngine, Unknown, ""},
	{"image-store", "own", asFound, OK, ""},
	{"image-store", "24", containerdStore("24.0.9"), Error, "cannot remap"},
	{"image-store", "28", containerdStore("28.5.2"), Warning, "fails at RUN"},
	{"image-store", "29", containerdStore("29.7.2"), Warning, "1 image stays in /var/lib/containerd"},
	{"image-store", "29, switched back", func(f *survey.Facts, o *Options) {
		isOn(f, o)
		containerdStore("29.8.0")(f, o)
	}, Error, "containerd-migration"},
	{"image-store", "dev", containerdStore("dev"), Unknown, ""},
	{"image-store", "no engine", noEngine, Unknown, ""},
	{"live-restore", "off", engine(func(e *survey.Engine) { e.Running = 3 }), OK, ""},
	{"live-restore", "nothing runs", engine(func(e *survey.Engine) { e.LiveRestore = true }), OK, ""},
	{"live-restore", "orphans", engine(func(e *survey.Engine) { e.LiveRestore, e.Running = true, 3 }), Error, "3 containers"},
	{"live-restore", "on already", func(f *survey.Facts, _ *Options) {
		*f = remapped()
		f.Engine.Value.LiveRestore, f.Engine.Value.Running = true, 1
	}, Warning, "turned off, 1 container"},
	{"live-restore", "no engine", noEngine, Unknown, ""},
	{"swarm-inactive", "inactive", asFound, OK, ""},
	{"swarm-inactive", "active", engine(func(e *survey.Engine) { e.Swarm.LocalNodeState = "active" }), Error, "(active)"},
	{"swarm-inactive", "active, on already", func(f *survey.Facts, _ *Options) {
		*f = remapped()
		f.Engine.Value.Swarm.LocalNodeState = "locked"
	}, Warning, "(locked)"},
	{"swarm-inactive", "no engine", noEngine, Unknown, ""},
	{"change-pending", "none", asFound, OK, ""},
	{"change-pending", "armed", func(f *survey.Facts, _ *Options) { f.Pending.Value = &survey.Pending{Dir: "/var/lib/docker-userns/x"} }, Error, "/var/lib/docker-userns/x"},
	{"change-pending", "told", func(f *survey.Facts, _ *Options) {
		f.Pending.Value = &survey.Pending{Dir: "/x", Verb: "enable", Unit: "docker.service", Started: time.Date(2026, 11, 22, 21, 2, 3, 0, time.UTC), Deadline: time.Date(2026, 11, 22, 21, 7, 3, 0, time.UTC)}
	}, Error, "enable has been under way since 2026-11-22 21:02:03 UTC; unless it is proven good or extended, the host undoes it at about 2026-11-22 21:07:03 UTC"},
	{"change-pending", "unread", func(f *survey.Facts, _ *Options) { f.Pending.Err = errors.New("no") }, Unknown, ""},
}
