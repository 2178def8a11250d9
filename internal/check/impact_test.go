package check

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"gotest.tools/v3/assert"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/grant"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// containers gives the host an account and these containers.
func containers(c ...survey.Container) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, _ *Options) {
		withAccount(f, good)
		for i := range c {
			if c[i].Name == "" {
				c[i].Name = "app"
			}
			if c[i].State == "" {
				c[i].State = "running"
			}
		}
		f.Containers.Value = c
	}
}

func leftOne(f *survey.Facts, _ *Options) {
	f.Left.Value = []survey.Left{{ID: "0123456789abcdef", Namespace: "moby", Shim: 7, PIDs: []int{8}, Root: true}}
}

func noContainers(f *survey.Facts, _ *Options) {
	f.Containers = survey.Read[[]survey.Container]{Err: errTest}
}

// mounting is a container of a user that mounts what stands at /srv/data with
// these permissions.
func mounting(user int64, stat host.Stat) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, o *Options) {
		containers(survey.Container{
			Identity: read(survey.Account{UID: user, GID: user}),
			Mounts:   []survey.Mount{{Type: "bind", Source: "/srv/data", Destination: "/data", Writable: true}, {Type: "volume", Name: "v", Source: "/x"}},
		})(f, o)
		f.Paths.Value["/srv/data"] = survey.Path{
			Real: "/srv/data", Stat: stat, Parents: dirs("/", 0o755, "/srv", 0o700),
			Inside: &survey.Inside{Kinds: []grant.Kind{{Mode: stat.Mode, UID: stat.UID, GID: stat.GID}}},
		}
	}
}

func mounted(source string) func(*survey.Facts, *Options) {
	return containers(survey.Container{Mounts: []survey.Mount{{Type: "bind", Source: source, Destination: source}}})
}

// withMountedFile is a container that mounts a folder for all, with something in it.
func withMountedFile(user int64, k grant.Kind) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, o *Options) {
		mounting(user, host.Stat{Mode: fs.ModeDir | 0o777})(f, o)
		in := f.Paths.Value["/srv/data"].Inside
		in.Kinds = append(in.Kinds, k)
	}
}

func then(changes ...func(*survey.Facts, *Options)) func(*survey.Facts, *Options) {
	return func(f *survey.Facts, o *Options) {
		for _, change := range changes {
			change(f, o)
		}
	}
}

func audited(reports ...audit.Report) func(*survey.Facts, *Options) {
	return func(_ *survey.Facts, o *Options) { o.Audits.Value = reports }
}

var impactCases = []testCase{
	{"impact-containers", "none", asFound, OK, ""},
	{"impact-containers", "one", containers(survey.Container{Image: "app:1", Labels: map[string]string{"com.docker.compose.project": "shop"}}), Warning, "1 container"},
	{"impact-containers", "on", isOn, Skipped, ""},
	{"impact-containers", "unread", noContainers, Unknown, ""},
	{"impact-stop-time", "quick", containers(survey.Container{StopTimeout: 10}), OK, "20s"},
	{"impact-stop-time", "slow", containers(survey.Container{StopTimeout: 120}), Warning, "2m10s"},
	{"impact-stop-time", "slow, but it does not run", containers(survey.Container{StopTimeout: 120, State: "exited"}), OK, ""},
	{"impact-stop-time", "never", containers(survey.Container{StopTimeout: -1}), Error, "10m0s at most"},
	{"impact-stop-time", "on", isOn, Skipped, ""},
	{"impact-stop-time", "unread", noContainers, Unknown, ""},
	{"left-processes", "none", asFound, OK, ""},
	{"left-processes", "one", leftOne, Error, "1 container runs outside"},
	{"left-processes", "next to another engine", then(leftOne, func(f *survey.Facts, _ *Options) { f.Daemon.Value.Others = []survey.Other{{PID: 77}} }), Unknown, "process 77"},
	{"left-processes", "unread", func(f *survey.Facts, _ *Options) { f.Left.Err = errTest }, Unknown, ""},
	{"impact-host-namespaces", "none", containers(survey.Container{NetworkMode: "bridge", IPCMode: "private"}), OK, ""},
	{"impact-host-namespaces", "privileged", containers(survey.Container{Privileged: true}), Warning, ""},
	{"impact-host-namespaces", "host network", containers(survey.Container{NetworkMode: "host"}), Warning, ""},
	{"impact-host-namespaces", "host PIDs", containers(survey.Container{PIDMode: "host"}), Warning, ""},
	{"impact-host-namespaces", "host IPC", containers(survey.Container{IPCMode: "host"}), Warning, ""},
	{"impact-host-namespaces", "with --userns=host", containers(survey.Container{Privileged: true, UsernsMode: "host"}), OK, ""},
	{"impact-host-namespaces", "unread", noContainers, Unknown, ""},
	{"impact-shared-namespaces", "alike", containers(survey.Container{Name: "a", ID: "1"}, survey.Container{Name: "b", NetworkMode: "container:1"}), OK, ""},
	{"impact-shared-namespaces", "unlike", containers(survey.Container{Name: "a", ID: "1", UsernsMode: "host"}, survey.Container{Name: "b", NetworkMode: "container:1"}), Warning, ""},
	{"impact-shared-namespaces", "unread", noContainers, Unknown, ""},
	{"impact-userns-host", "none", containers(survey.Container{}), OK, ""},
	{"impact-userns-host", "one", containers(survey.Container{UsernsMode: "host"}), Warning, "root of the host"},
	{"impact-userns-host", "unread", noContainers, Unknown, ""},
	{"impact-ids", "root", containers(survey.Container{Tmpfs: map[string]string{"/t": "size=1m,uid=1000"}}), OK, ""},
	{"impact-ids", "a high user", containers(survey.Container{Identity: read(survey.Account{UID: 70000})}), Warning, ""},
	{"impact-ids", "a high group", containers(survey.Container{Identity: read(survey.Account{Groups: []int64{65536}})}), Warning, ""},
	{"impact-ids", "a high user out of remap", containers(survey.Container{UsernsMode: "host", Identity: read(survey.Account{UID: 70000})}), OK, ""},
	{"impact-ids", "a high tmpfs", containers(survey.Container{Tmpfs: map[string]string{"/t": "uid=70000"}}), Warning, ""},
	{"impact-ids", "unread", noContainers, Unknown, ""},
	{"impact-ids", "one unread", containers(survey.Container{Identity: survey.Read[survey.Account]{Err: errTest}}), Unknown, "docker exec"},
	{"impact-ids", "no map", then(containers(survey.Container{}), noSubUID), Unknown, ""},
	{"impact-devices", "none", containers(survey.Container{}), OK, ""},
	{"impact-devices", "one", containers(survey.Container{Devices: []survey.Device{{Host: "/dev/kvm"}}}), Warning, ""},
	{"impact-devices", "GPUs", containers(survey.Container{DeviceRequests: []string{"nvidia"}}), Warning, ""},
	{"impact-devices", "unread", noContainers, Unknown, ""},
	{"impact-docker-socket", "none", containers(survey.Container{}), OK, ""},
	{"impact-docker-socket", "one", containers(survey.Container{Mounts: []survey.Mount{{Type: "bind", Source: "/var/run/docker.sock"}}}), Warning, ""},
	{"impact-docker-socket", "in a folder", mounted("/run"), Warning, ""},
	{"impact-docker-socket", "in a folder that is a link", mounted("/var/run"), Warning, ""},
	{"impact-docker-socket", "in the root", mounted("/"), Warning, ""},
	{"impact-docker-socket", "of containerd", mounted("/run/containerd/containerd.sock"), Warning, ""},
	{"impact-docker-socket", "in containerd's folder", mounted("/run/containerd"), Warning, ""},
	{"impact-docker-socket", "of another place, by a flag", then(mounted("/srv/engine"), func(f *survey.Facts, _ *Options) { f.Sockets = []string{"/srv/engine/api"} }), Warning, ""},
	{"impact-docker-socket", "a link to the folder", then(mounted("/srv/link"), func(f *survey.Facts, _ *Options) {
		f.Paths.Value["/srv/link"] = survey.Path{Real: "/run", Stat: host.Stat{Mode: fs.ModeDir | 0o755}}
	}), Warning, ""},
	{"impact-docker-socket", "another folder of /run", mounted("/run/mysqld"), OK, ""},
	{"impact-docker-socket", "a folder of a like name", mounted("/run/dock"), OK, ""},
	{"impact-docker-socket", "unread", noContainers, Unknown, ""},
	{"impact-bind-mounts", "none", containers(survey.Container{}), OK, ""},
	{"impact-bind-mounts", "for all", mounting(1000, host.Stat{Mode: fs.ModeDir | 0o777}), OK, "1 mount"},
	{"impact-bind-mounts", "of the mapped user", mounting(1000, host.Stat{Mode: fs.ModeDir | 0o700, UID: 166536, GID: 166536}), OK, ""},
	{"impact-bind-mounts", "out of reach before, too", mounting(1000, host.Stat{Mode: fs.ModeDir | 0o700}), OK, ""},
	{"impact-bind-mounts", "of the user's number", mounting(1000, host.Stat{Mode: fs.ModeDir | 0o755, UID: 1000, GID: 1000}), Warning, "fewer rights to 1 mounted path"},
	{"impact-bind-mounts", "of root", mounting(0, host.Stat{Mode: 0o600}), Warning, ""},
	{"impact-bind-mounts", "a socket", mounting(0, host.Stat{Mode: fs.ModeSocket | 0o600}), OK, ""},
	{"impact-bind-mounts", "the way there, runc 1.0", then(mounting(0, host.Stat{Mode: 0o666}), engine(func(e *survey.Engine) { e.RuncVersion = "1.0.3" })), Warning, ""},
	{"impact-bind-mounts", "on: readable", then(isOn, mounting(1000, host.Stat{Mode: fs.ModeDir | 0o755})), OK, ""},
	{"impact-bind-mounts", "on: not readable", then(isOn, mounting(1000, host.Stat{Mode: fs.ModeDir | 0o711, UID: 1000})), Warning, ""},
	{"impact-bind-mounts", "a key in it", withMountedFile(1000, grant.Kind{Mode: 0o600, UID: 1000, GID: 1000}), Warning, "fewer rights to 1 mounted path"},
	{"impact-bind-mounts", "a key of others in it", withMountedFile(1000, grant.Kind{Mode: 0o600, UID: 7}), OK, ""},
	{"impact-bind-mounts", "not looked at", then(mounting(0, host.Stat{}), func(f *survey.Facts, _ *Options) { clear(f.Paths.Value) }), Unknown, ""},
	{"impact-bind-mounts", "one unread", mounting(0, host.Stat{Err: errTest}), Unknown, ""},
	{"impact-bind-mounts", "its ACL unread", mounting(0, host.Stat{Mode: 0o600, ACL: host.ACL{Err: errTest}}), Unknown, ""},
	{"impact-bind-mounts", "user unread", then(mounting(0, host.Stat{Mode: 0o600}), func(f *survey.Facts, _ *Options) { f.Containers.Value[0].Identity.Err = errTest }), Unknown, ""},
	{"impact-bind-mounts", "unread", noContainers, Unknown, ""},
	{"impact-bind-mounts", "paths unread", func(f *survey.Facts, _ *Options) { f.Paths.Err = errTest }, Unknown, ""},
	{"impact-sockets", "for all", mounting(0, host.Stat{Mode: fs.ModeSocket | 0o666}), OK, "1 mount"},
	{"impact-sockets", "root's", mounting(0, host.Stat{Mode: fs.ModeSocket | 0o600}), Warning, "fewer rights to 1 mounted socket"},
	{"impact-sockets", "unread", noContainers, Unknown, ""},
	{"impact-volumes", "none", asFound, OK, ""},
	{"impact-volumes", "one", func(f *survey.Facts, _ *Options) { f.Volumes.Value = []survey.Volume{{Name: "db", Size: 3e9}} }, Warning, "1 volume stays in the old data root"},
	{"impact-volumes", "on", isOn, Skipped, ""},
	{"impact-volumes", "unread", func(f *survey.Facts, _ *Options) { f.Volumes.Err = errTest }, Unknown, ""},
	{"impact-images", "all taken", asFound, OK, "1 image"},
	{"impact-images", "refused", audited(audit.Report{ID: "sha256:1", Verdict: audit.Unmappable, Findings: []audit.Finding{{Rule: audit.UnmappedOwner, Paths: []string{"x"}}}}), Warning, "1 of 1 image"},
	{"impact-images", "not startable", audited(audit.Report{ID: "sha256:1", Verdict: audit.Mappable}), Warning, ""},
	{"impact-images", "one not looked at", audited(), Unknown, "1 image was not checked"},
	{"impact-images", "not audited", func(_ *survey.Facts, o *Options) { o.Audits.Err = errTest }, Unknown, ""},
	{"impact-images", "list unread", func(f *survey.Facts, _ *Options) { f.Images.Err = errTest }, Unknown, ""},
	{"impact-images", "on", isOn, Skipped, ""},
	{"impact-networks", "none", asFound, OK, ""},
	{"impact-networks", "one", func(f *survey.Facts, _ *Options) {
		f.Networks.Value = []survey.Network{{Name: "n", Driver: "bridge", Containers: []string{"app"}}}
	}, Warning, ""},
	{"impact-networks", "unread", func(f *survey.Facts, _ *Options) { f.Networks.Err = errTest }, Unknown, ""},
	{"impact-plugins", "none", asFound, OK, ""},
	{"impact-plugins", "one", func(f *survey.Facts, _ *Options) { f.Plugins.Value = []survey.Plugin{{Name: "p", Enabled: true}} }, Warning, ""},
	{"impact-plugins", "unread", func(f *survey.Facts, _ *Options) { f.Plugins.Err = errTest }, Unknown, ""},
	{"impact-builders", "none", containers(survey.Container{}), OK, ""},
	{"impact-builders", "one", containers(survey.Container{Name: "buildx_buildkit_big0"}), Warning, ""},
	{"impact-builders", "on", isOn, Skipped, ""},
	{"impact-builders", "unread", noContainers, Unknown, ""},
	{"impact-services", "none", asFound, OK, ""},
	{"impact-services", "one", func(f *survey.Facts, _ *Options) { f.Swarm.Value = []survey.SwarmService{{Name: "web"}} }, Warning, ""},
	{"impact-services", "unread", func(f *survey.Facts, _ *Options) { f.Swarm.Err = errTest }, Unknown, ""},
}

func one(t *testing.T, id string, changes ...func(*survey.Facts, *Options)) Result {
	t.Helper()
	f, o := sound(), Options{Only: []string{id}}
	o.Audits.Value = audits()
	then(changes...)(&f, &o)
	results := Run(f, o)
	assert.Equal(t, len(results), 1)
	return results[0]
}

// Why images were not checked is said once for each reason, of the images that there are.
func TestUnreadImages(t *testing.T) {
	r := one(t, "impact-images", audited(), func(f *survey.Facts, o *Options) {
		f.Images.Value = []survey.Image{{ID: "sha256:1"}, {ID: "sha256:2"}, {ID: "sha256:3"}, {ID: "sha256:4"}}
		o.Unread = map[string]error{"sha256:1": errTest, "sha256:2": errTest, "sha256:3": host.ErrNone, "sha256:5": host.ErrNone}
	})
	want := []Detail{{Name: "2 images", Note: errTest.Error()}, {Name: "1 image", Note: host.ErrNone.Error()}}
	slices.SortFunc(want, func(a, b Detail) int { return strings.Compare(a.Note, b.Note) })
	assert.DeepEqual(t, r.Details, want)
}

func TestMountFixes(t *testing.T) {
	r := one(t, "impact-bind-mounts", mounting(1000, host.Stat{Mode: fs.ModeDir | 0o755, UID: 1000, GID: 1000}))
	assert.DeepEqual(t, r.Details, []Detail{{Name: "app: /srv/data", Note: "drwxr-xr-x, owner 1000:1000: user 166536 has r-x and lacks -w-; stop app first; to undo it: setfacl -RP -x u:166536; files that are created later need it again"}})
	assert.DeepEqual(t, r.Fix, []string{"sudo setfacl -RP -m u:166536:rwX -- /srv/data"})

	r = one(t, "impact-sockets", mounting(0, host.Stat{Mode: fs.ModeSocket | 0o660, UID: 33}))
	assert.DeepEqual(t, r.Fix, []string{"sudo setfacl -m u:165536:w -- /srv/data"})

	// The fix of two containers with one mount is there once.
	twice := func(f *survey.Facts, _ *Options) {
		f.Containers.Value = append(f.Containers.Value, f.Containers.Value[0])
	}
	r = one(t, "impact-bind-mounts", mounting(0, host.Stat{Mode: 0o600}), twice)
	assert.Equal(t, len(r.Details), 2)
	assert.Equal(t, len(r.Fix), 2, "there and back: %v", r.Fix)
}

func TestImpactNotes(t *testing.T) {
	r := one(t, "impact-host-namespaces", containers(survey.Container{Privileged: true, PIDMode: "host"}))
	assert.DeepEqual(t, r.Details, []Detail{{Name: "app", Note: "--pid=host, --privileged"}})
	r = one(t, "impact-ids", containers(survey.Container{Identity: read(survey.Account{UID: 70000, GID: 70001, Groups: []int64{70002}}), Tmpfs: map[string]string{"/t": "gid=70000,uid=5"}}))
	assert.DeepEqual(t, r.Details, []Detail{{Name: "app", Note: "user 70000, group 70001, group 70002, tmpfs /t with gid=70000"}})
	high := audit.Finding{Rule: audit.UnmappedOwner, Layer: 2, UID: 1000000, GID: 7, Count: 1, Paths: []string{"opt/x"}}
	more := audit.Finding{Rule: audit.UnmappedOwner, Layer: 3, UID: 70000, Count: 11, Paths: []string{"opt/y"}}
	for note, findings := range map[string][]audit.Finding{
		"refused: opt/x of 1000000:7 in layer 3":                     {high},
		"refused: opt/x of 1000000:7 in layer 3, and 11 other files": {high, more},
	} {
		r = one(t, "impact-images", audited(audit.Report{ID: "sha256:1", Verdict: audit.Unmappable, Findings: findings}))
		assert.DeepEqual(t, r.Details, []Detail{{Name: "app:1", Note: note}})
	}
}
