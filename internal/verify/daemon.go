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
	{Question: report.Question{ID: "data-root-owner", Category: catDaemon, Title: "The data root has the owner and mode that this engine sets", Item: itemDaemon}, answer: dataRootOwner},
	{Question: report.Question{ID: "map-in-force", Category: catDaemon, Title: "The kernel uses the map that /etc/subuid and /etc/subgid give"}, answer: mapInForce},
}

func daemonAnswers(in *input) report.Result {
	if in.Engine.Err != nil {
		return report.Fail("%v", in.Engine.Err).Because(in.Engine.Err)
	}
	return report.Pass("Docker %s at %s", in.Engine.Value.Version, in.Endpoint)
}

func daemonRemapped(in *input) report.Result {
	switch e := in.Engine.Value; {
	case e.Option("rootless"):
		return report.Fail("the engine is rootless: its containers are in the user namespace of the user who started it, and it cannot use userns-remap")
	case !e.Remapped():
		return report.Fail(`userns-remap is off ("name=userns" is not among the engine's security options): root in a container is root on the host`).
			Fixed(report.Docker(in.Facts, "userns", "check"), report.Docker(in.Facts, "userns", "enable"))
	case e.SwitchedStore():
		return report.Fail(`remap is on, but images are in the containerd image store: builds fail, and images are not checked when they are loaded; remove "containerd-migration" from "features" in daemon.json and restart the engine`)
	}
	return report.Pass(`"name=userns" is among its security options`)
}

func dataRoot(in *input) report.Result {
	dir := in.Engine.Value.DataRoot
	switch uid, gid, ok := dockerd.RootIDs(dir); {
	case !ok:
		return report.Fail("the data root %s does not end in UID.GID of the mapped root, as that of a remapped engine does", dir)
	case uid == 0 || gid == 0:
		return report.Fail("the data root is %s, so root in a container is root on the host", dir)
	case in.want.Expect != nil && path.Base(dir) != in.want.Expect.Suffix():
		return report.Fail("the data root %s does not end in %s, as it would with the map %s", dir, in.want.Expect.Suffix(), in.want.Expect)
	}
	return report.Pass("%s", dir)
}

// ownership is who a directory belongs to, and its permissions.
type ownership struct {
	uid, gid int64
	mode     fs.FileMode
}

func (o ownership) String() string { return fmt.Sprintf("%04o %d:%d", o.mode, o.uid, o.gid) }

// expectedOwners are what an engine sets of its remapped root and of the data root that
// it lies in, at each start (setupDaemonRoot of daemon/daemon_unix.go): up to
// 20.10.2 the mapped root has the first for itself, from 20.10.3 on
// (CVE-2021-21284) it may only pass through, from 20.10.9 on by its group.
func expectedOwners(version dockerd.Version, uid, gid int64) (remapped, above ownership) {
	switch {
	case !version.AtLeast(20, 10, 3):
		return ownership{uid, gid, 0o700}, ownership{0, 0, 0o711}
	case !version.AtLeast(20, 10, 9):
		return ownership{0, 0, 0o701}, ownership{0, 0, 0o701}
	}
	return ownership{0, gid, 0o710}, ownership{0, gid, 0o710}
}

func dataRootOwner(in *input) report.Result {
	uid, gid, ok := dockerd.RootIDs(in.Engine.Value.DataRoot)
	s := in.Storage.Value
	switch {
	case in.Storage.Err != nil:
		return report.Unread("the owner of the data root", in.Storage.Err)
	case !ok:
		return report.Skip("the data root is not a remapped one")
	}
	version, known := dockerd.ParseVersion(in.Engine.Value.Version)
	if !known {
		return report.Unsure("could not determine which owner the data root should have: the engine reports the unknown version %q", in.Engine.Value.Version)
	}
	inner, outer := expectedOwners(version, uid, gid)
	r := report.Pass("%s is %s", in.Engine.Value.DataRoot, inner)
	for _, dir := range []struct {
		name string
		stat host.Stat
		want ownership
	}{{s.DataRoot, s.Path.Stat, outer}, {in.Engine.Value.DataRoot, in.remappedRoot(), inner}} {
		r = worse(r, ownerResult(dir.name, dir.stat, dir.want, uid, gid))
	}
	return r
}

// remappedRoot is the directory in use among those of the data root.
func (in *input) remappedRoot() host.Stat {
	for _, t := range in.Storage.Value.Trees {
		if t.InUse {
			return t.Stat
		}
	}
	return host.Stat{Err: fs.ErrNotExist}
}

func ownerResult(name string, s host.Stat, want ownership, uid, gid int64) report.Result {
	if s.Err != nil {
		return report.Unread("the owner of "+name, s.Err)
	}
	is := ownership{s.UID, s.GID, s.Mode.Perm()}
	root := access.Process{UID: uid, GID: gid}
	switch {
	case is == want:
		return report.Pass("%s is %s", name, is)
	case root.To(s)&access.Execute == 0:
		return report.Fail("%s is %s, so the mapped root (UID %d) cannot pass through it; restart the engine, which sets %s at each start", name, is, uid, want)
	}
	return report.Warn("%s is %s, but this engine sets %s at each start: it was changed since", name, is, want)
}

// worse gives the result that tells more against what is to be proven.
func worse(a, b report.Result) report.Result {
	weight := map[report.Status]int{report.OK: 0, report.Skipped: 1, report.Unknown: 2, report.Warning: 3, report.Error: 4}
	if weight[b.Status] > weight[a.Status] {
		return b
	}
	return a
}
