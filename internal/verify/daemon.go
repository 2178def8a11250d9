package verify

import (
	"fmt"
	"io/fs"
	"path"

	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/report"
)

const itemDaemon = "The daemon answers and remaps, in a data root of its own"

// DaemonAnswers is the ID of the question without which nothing can be found out.
const DaemonAnswers = "daemon-answers"

var daemonQuestions = []question{
	{Question: report.Question{ID: DaemonAnswers, Category: catDaemon, Title: "The daemon answers", Item: itemDaemon}, ground: true, answer: daemonAnswers},
	{Question: report.Question{ID: "daemon-remapped", Category: catDaemon, Title: "The daemon remaps user namespaces", Item: itemDaemon}, ground: true, answer: daemonRemapped},
	{Question: report.Question{ID: "data-root", Category: catDaemon, Title: "The data root is the remapped one", Item: itemDaemon}, answer: dataRoot},
	{Question: report.Question{ID: "data-root-owner", Category: catDaemon, Title: "Owner and mode of the data root are as this engine sets them", Item: itemDaemon}, answer: dataRootOwner},
	{Question: report.Question{ID: "map-in-force", Category: catDaemon, Title: "The map that the kernel has is the one that /etc/subuid and /etc/subgid give"}, answer: mapInForce},
}

func daemonAnswers(j *judge) report.Result {
	if j.Engine.Err != nil {
		return report.Fail("%v", j.Engine.Err)
	}
	return report.Pass("Docker %s at %s", j.Engine.Value.Version, j.Endpoint)
}

func daemonRemapped(j *judge) report.Result {
	switch e := j.Engine.Value; {
	case e.Option("rootless"):
		return report.Fail("the engine is rootless: all its containers are in the user namespace of the user who started it, and userns-remap plays no part")
	case !e.Remapped():
		return report.Fail(`userns-remap is off: "name=userns" is not among the engine's security options, so root in a container is root on the host`).
			Fixed(report.Docker(j.Facts, "userns", "check"), report.Docker(j.Facts, "userns", "enable"))
	case e.SwitchedStore():
		return report.Fail(`the engine remaps, but keeps its images in containerd's store: builds fail there, and images are not checked when they are loaded; take "containerd-migration" out of "features" in daemon.json, and restart it`)
	}
	return report.Pass(`"name=userns" is among its security options`)
}

func dataRoot(j *judge) report.Result {
	dir := j.Engine.Value.DataRoot
	switch uid, gid, ok := dockerd.RootIDs(dir); {
	case !ok:
		return report.Fail("%s does not end in the IDs that root is mapped to, as that of a remapped engine does", dir)
	case uid == 0 || gid == 0:
		return report.Fail("%s: root of a container is root of the host there", dir)
	case j.want.Expect != nil && path.Base(dir) != j.want.Expect.Suffix():
		return report.Fail("%s does not end in %s, as the map %s wants", dir, j.want.Expect.Suffix(), j.want.Expect)
	}
	return report.Pass("%s", dir)
}

// owner is who a directory belongs to, and its permissions.
type owner struct {
	uid, gid int64
	mode     fs.FileMode
}

func (o owner) String() string { return fmt.Sprintf("%04o %d:%d", o.mode, o.uid, o.gid) }

// owners are what an engine sets of its remapped root and of the data root that
// it lies in, at each start (setupDaemonRoot of daemon/daemon_unix.go): up to
// 20.10.2 the mapped root has the first for itself, from 20.10.3 on
// (CVE-2021-21284) it may only pass through, from 20.10.9 on by its group.
func owners(version dockerd.Version, uid, gid int64) (remapped, above owner) {
	switch {
	case !version.AtLeast(20, 10, 3):
		return owner{uid, gid, 0o700}, owner{0, 0, 0o711}
	case !version.AtLeast(20, 10, 9):
		return owner{0, 0, 0o701}, owner{0, 0, 0o701}
	}
	return owner{0, gid, 0o710}, owner{0, gid, 0o710}
}

func dataRootOwner(j *judge) report.Result {
	uid, gid, ok := dockerd.RootIDs(j.Engine.Value.DataRoot)
	s := j.Storage.Value
	switch {
	case j.Storage.Err != nil:
		return report.Unread("whose the data root is", j.Storage.Err)
	case !ok:
		return report.Skip("the data root is not a remapped one")
	}
	version, known := dockerd.ParseVersion(j.Engine.Value.Version)
	if !known {
		return report.Unsure("the engine's version %q is not one that is known", j.Engine.Value.Version)
	}
	inner, outer := owners(version, uid, gid)
	r := report.Pass("%s is %s", j.Engine.Value.DataRoot, inner)
	for _, dir := range []struct {
		name string
		stat host.Stat
		want owner
	}{{s.DataRoot, s.Path.Stat, outer}, {j.Engine.Value.DataRoot, j.remappedRoot(), inner}} {
		r = worse(r, judgeOwner(dir.name, dir.stat, dir.want, uid, gid))
	}
	return r
}

// remappedRoot is the directory in use among those of the data root.
func (j *judge) remappedRoot() host.Stat {
	for _, t := range j.Storage.Value.Trees {
		if t.InUse {
			return t.Stat
		}
	}
	return host.Stat{Err: fs.ErrNotExist}
}

func judgeOwner(name string, s host.Stat, want owner, uid, gid int64) report.Result {
	if s.Err != nil {
		return report.Unread("whose "+name+" is", s.Err)
	}
	is := owner{s.UID, s.GID, s.Mode.Perm()}
	root := access.Process{UID: uid, GID: gid}
	switch {
	case is == want:
		return report.Pass("%s is %s", name, is)
	case root.To(s)&access.Execute == 0:
		return report.Fail("%s is %s, so that root of a container, user %d, does not get through it; this engine sets %s at each start, so restart it", name, is, uid, want)
	}
	return report.Warn("%s is %s where this engine sets %s at each start: somebody has changed it since", name, is, want)
}

// worse gives the result that tells more against what is to be proven.
func worse(a, b report.Result) report.Result {
	weight := map[report.Status]int{report.OK: 0, report.Skipped: 1, report.Unknown: 2, report.Warning: 3, report.Error: 4}
	if weight[b.Status] > weight[a.Status] {
		return b
	}
	return a
}
