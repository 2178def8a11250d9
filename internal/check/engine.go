package check

import (
	"errors"
	"fmt"
	"time"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

var engineChecks = []Check{
	{Question: Question{ID: "daemon-answers", Category: catEngine, Title: "The daemon answers"}, Reach: true, Run: daemonAnswers},
	{Question: Question{ID: "host-reachable", Category: catEngine, Title: "The daemon's host can be read"}, Vital: true, Reach: true, Run: hostReachable},
	{Question: Question{ID: "engine-rootful", Category: catEngine, Title: "The engine runs as root, not rootless"}, Vital: true, Needs: []string{"daemon-answers"}, Run: engineRootful},
	{Question: Question{ID: "daemon-place", Category: catEngine, Title: "The daemon runs on a host that can be changed from here"}, Vital: true, Needs: []string{"daemon-answers", "engine-rootful"}, Run: daemonPlace},
	{Question: Question{ID: "host-access", Category: catEngine, Title: "The daemon's host can be read as root"}, Vital: true, Reach: true, Needs: []string{"host-reachable"}, Run: hostAccess},
	{Question: Question{ID: "engine-linux", Category: catEngine, Title: "The engine runs Linux containers"}, Vital: true, Needs: []string{"daemon-answers"}, Run: engineLinux},
	{Question: Question{ID: "engine-version", Category: catEngine, Title: "The engine is 20.10 or later, and not one of CVE-2021-21284"}, Needs: []string{"daemon-answers"}, Run: engineVersion},
	{Question: Question{ID: "engine-api", Category: catEngine, Title: "The engine speaks API 1.41 or later"}, Needs: []string{"daemon-answers", "engine-version"}, Run: engineAPI},
	{Question: Question{ID: "storage-driver", Category: catEngine, Title: "The storage driver is overlay2"}, Needs: []string{"daemon-answers"}, Run: storageDriver},
	{Question: Question{ID: "image-store", Category: catEngine, Title: "Images are in a store that works with remap"}, Needs: []string{"daemon-answers"}, Run: imageStore},
	{Question: Question{ID: "live-restore", Category: catEngine, Title: "No container would outlive the restart"}, Needs: []string{"daemon-answers"}, Run: liveRestore},
	{Question: Question{ID: "left-processes", Category: catEngine, Title: "No container runs outside of the engine"}, Needs: []string{"daemon-answers"}, Run: leftProcesses},
	{Question: Question{ID: "swarm-inactive", Category: catEngine, Title: "The node is in no swarm"}, Needs: []string{"daemon-answers"}, Run: swarmInactive},
	{Question: Question{ID: "change-pending", Category: catEngine, Title: "No change is under way"}, Vital: true, Needs: []string{"host-reachable"}, Run: changePending},
}

func daemonAnswers(in *Input) Result {
	switch {
	case in.Engine.Err == nil:
		return pass("Docker %s at %s", in.Engine.Value.Version, in.Endpoint)
	case errors.Is(in.Engine.Err, survey.ErrDaemonDown):
		return silent(in)
	case errors.Is(in.Engine.Err, survey.ErrAPIVersion):
		return fail("%v; lower \"min-api-version\" in daemon.json or DOCKER_MIN_API_VERSION, or use a later version of docker userns", in.Engine.Err).Because(in.Engine.Err)
	}
	return unread("whether the daemon answers", in.Engine.Err)
}

// silent is about a daemon that is down, or that does not talk to this user: over
// ssh both look alike but for what systemd says.
func silent(in *Input) Result {
	r, u := fail("%v", in.Engine.Err).Because(in.Engine.Err), in.Unit.Value
	switch {
	case in.Unit.Err != nil || u.Manager != survey.Systemd:
		return r
	case u.Active == "active" && in.Root != nil:
		r.Message += fmt.Sprintf("; %s is running, so check with 'id -nG' that this user is in the group docker", u.Name)
		return r
	}
	return r.Fixed(command("sudo", "journalctl", "-u", u.Name, "-n", "30", "--no-pager"))
}

// hostReachable goes by the kernel's facts, which every host has.
func hostReachable(in *Input) Result {
	switch err := in.Kernel.Err; {
	case err == nil:
		return pass("%s", in.HostKind)
	case errors.Is(err, host.ErrNone), errors.Is(err, survey.ErrNotThisHost):
		return unread("the state of the host", err)
	default:
		return fail("could not read the host: %v", err)
	}
}

func engineRootful(in *Input) Result {
	switch {
	case in.Engine.Err != nil:
		return unread("whether the engine is rootless", in.Engine.Err)
	case in.Engine.Value.Option("rootless"), in.Where.Place == survey.PlaceRootless:
		return fail("the engine is rootless: its containers already run in the user namespace of the user who started it, and it cannot use userns-remap")
	}
	return pass("not rootless")
}

func daemonPlace(in *Input) Result {
	w := in.Where
	name := w.Name
	if name == "" {
		name = string(w.Place)
	}
	switch w.Place {
	case survey.PlaceHost:
		return pass("a dockerd of this host")
	case survey.PlaceSnap:
		return warn("Docker is installed as a snap (%s): its files are under /var/snap/docker, and whether the snap's confinement allows remap was never tested", w.Seen)
	case survey.PlaceDesktop, survey.PlaceVM:
		return fail("%s runs the engine in a virtual machine (%s), whose files cannot be changed from here", name, w.Seen)
	case survey.PlaceContainer:
		return fail("the daemon or this program runs in a container (%s); run this program on the host that has the daemon's files", w.Seen)
	case survey.PlacePodman:
		return fail("this is Podman, not Docker (%s); it has no userns-remap", w.Seen)
	case survey.PlaceRootless:
		return fail("dockerd is rootless (%s)", w.Seen)
	case survey.PlaceForwarded:
		return unsure("%s is not dockerd's own socket (%s), so the daemon's host is unknown; use a context with an ssh:// endpoint", in.Endpoint, w.Seen)
	case survey.PlaceRemote:
		return unsure("the daemon runs on another machine, and %s gives access to its API only; for the rest use a context with an ssh:// endpoint", in.Endpoint)
	}
	return unsure("could not determine where the daemon runs; look for it with: pgrep -a dockerd")
}

func hostAccess(in *Input) Result {
	switch {
	case !in.SameHost():
		return unread("what can be changed on the host", host.ErrNone)
	case in.Root != nil:
		r := fail("the host can only be read without root privileges: %v", in.Root)
		if in.HostKind != host.KindSSH {
			r = r.Fixed(in.sudoDocker("userns", "check"))
		}
		return r
	}
	return pass("%s, as root", in.HostKind)
}

func engineLinux(in *Input) Result {
	switch os := in.Engine.Value.OSType; {
	case in.Engine.Err != nil:
		return unread("which kind of containers the engine runs", in.Engine.Err)
	case os == "":
		return unsure("the engine does not report which kind of containers it runs; ask it with: %s", in.docker("info", "--format", "{{.OSType}}"))
	case os != "linux":
		return fail("the engine runs %s containers; user namespaces exist on Linux only", os)
	}
	return pass("%s", in.Engine.Value.OperatingSystem)
}

func engineVersion(in *Input) Result {
	version := in.Engine.Value.Version
	switch {
	case in.Engine.Err != nil:
		return unread("the engine's version", in.Engine.Err)
	case !in.versionKnown:
		return unsure("the engine reports the version %q, which cannot be compared with 20.10; find out which release it was built from", version)
	case !in.version.AtLeast(20, 10):
		return fail("Docker %s is older than 20.10; upgrade it first", version)
	case !in.version.AtLeast(20, 10, 3):
		return fail("Docker %s has CVE-2021-21284: the remapped root can write to the data root; upgrade to 20.10.3 or later first", version)
	}
	return pass("Docker %s", version)
}

func engineAPI(in *Input) Result {
	api, known := dockerd.ParseVersion(in.Engine.Value.APIVersion)
	oldest, _ := dockerd.ParseVersion(dockerd.OldestAPI)
	switch {
	case in.Engine.Err != nil:
		return unread("the API version", in.Engine.Err)
	case !known:
		return unsure("the engine reports the API version %q, which is not a version; ask it with: %s", in.Engine.Value.APIVersion, in.docker("version"))
	case !api.AtLeast(oldest[:]...):
		return fail("the engine's API version %s is older than %s, the one of Docker 20.10", in.Engine.Value.APIVersion, dockerd.OldestAPI)
	}
	return pass("API %s", in.Engine.Value.APIVersion)
}

func storageDriver(in *Input) Result {
	e := in.Engine.Value
	switch {
	case in.Engine.Err != nil:
		return unread("the storage driver", in.Engine.Err)
	case e.Driver == "":
		return unsure("the engine does not report its storage driver; ask it with: %s", in.docker("info", "--format", "{{.Driver}}"))
	case e.ContainerdStore():
		return skip("the containerd image store has no storage driver; see image-store")
	case e.Driver == "aufs", e.Driver == "devicemapper", e.Driver == "overlay":
		return warn("the storage driver is %s, which later engines no longer have; move to overlay2 first, since remap makes you pull all images again anyway", e.Driver)
	case e.Driver != "overlay2":
		return warn("the storage driver is %s, which works with remap, but registers layers more slowly than overlay2 and treats the owners of whiteouts differently", e.Driver)
	}
	return pass("overlay2")
}

func imageStore(in *Input) Result {
	e := in.Engine.Value
	switch {
	case in.Engine.Err != nil:
		return unread("the image store", in.Engine.Err)
	case !e.ContainerdStore():
		return pass("the engine's own store, with %s", e.Driver)
	case !in.versionKnown:
		return unsure("images are in the containerd image store, and what version %q does with it under remap is unknown", e.Version)
	case e.SwitchedStore():
		return fail("remap is on, but images are in the containerd image store: builds fail, and images are not checked when they are loaded; remove \"containerd-migration\" from \"features\" in %s and restart the engine", in.ConfigPath())
	case in.version.AtLeast(29):
		return warn("images are in the containerd image store, and Docker %s uses overlay2 instead while remap is on: %s in /var/lib/containerd and cannot be used until remap is off again", e.Version, report.Counted(e.ImageCount, "image stays", "images stay"))
	case in.version.AtLeast(25):
		return warn("images are in the containerd image store, with which docker build fails at RUN under remap in Docker 25 to 28; remove \"containerd-snapshotter\" from \"features\" in %s first", in.ConfigPath())
	}
	return fail("images are in the containerd image store, and Docker %s cannot remap with it; remove \"containerd-snapshotter\" from \"features\" in %s first", e.Version, in.ConfigPath())
}

func liveRestore(in *Input) Result {
	switch {
	case in.Engine.Err != nil:
		return unread("whether live-restore is on", in.Engine.Err)
	case !in.Engine.Value.LiveRestore:
		return pass("live-restore is off: all containers stop with the daemon")
	case in.Engine.Value.Running == 0:
		return pass("live-restore is on, and no container runs")
	case in.on():
		return warn("live-restore is on: when remap is turned off, %s to run where the engine does not see them", report.Counted(in.Engine.Value.Running, "container would continue", "containers would continue"))
	}
	return fail("live-restore is on: %s to run after the switch, where the engine does not see them; stop them first", report.Counted(in.Engine.Value.Running, "container would continue", "containers would continue")).
		Fixed(in.docker("stop") + " $(" + in.docker("ps", "-q") + ")")
}

func swarmInactive(in *Input) Result {
	state := in.Engine.Value.Swarm.LocalNodeState
	switch {
	case in.Engine.Err != nil:
		return unread("whether the node is in a swarm", in.Engine.Err)
	case state == "" || state == "inactive":
		return pass("not in a swarm")
	case in.on():
		return warn("the node is in a swarm (%s) and drops out of it when remap is turned off", state)
	}
	leave := []string{"swarm", "leave"}
	if in.Engine.Value.Swarm.Manager {
		leave = append(leave, "--force") // otherwise the engine refuses
	}
	return fail("the node is in a swarm (%s) and would drop out of it, since the membership is stored in the data root; drain the node and leave the swarm first", state).
		Fixed(in.docker(leave...))
}

// changePending says what is under way, as far as its manifest tells.
func changePending(in *Input) Result {
	var folder *survey.FolderError
	switch {
	case errors.As(in.Pending.Err, &folder):
		return fail("%v", folder)
	case in.Pending.Err != nil:
		return unread("whether a change is under way", in.Pending.Err)
	case in.Pending.Value == nil:
		return pass("none")
	}
	p := in.Pending.Value
	undo := command("sudo", "sh", p.Dir+"/change.sh", "undo")
	if p.Deadline.IsZero() || p.Unit == "" {
		return fail("a change is under way, described in %s; wait for it to end, or undo it now", p.Dir).Fixed(undo)
	}
	return fail("%s has been under way since %s; unless it is proven good or extended, the host undoes it at about %s; wait, or undo it now",
		p.Verb, p.Started.Format(time.DateTime+" MST"), p.Deadline.Format(time.DateTime+" MST")).Fixed(undo)
}
