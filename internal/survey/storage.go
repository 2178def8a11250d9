package survey

import (
	"path"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/host"
)

// Data roots of dockerd, unless it is given another one.
const (
	plainDataRoot = "/var/lib/docker"
	snapDataRoot  = "/var/snap/docker/common/var-lib-docker"
)

// Storage is the file system that the data root is on.
type Storage struct {
	DataRoot string // without symlinks, and without the "/<uid>.<gid>" of remap
	Current  string // in use now: DataRoot, or the remapped root in it
	Path     Path   // of DataRoot
	Space    host.Space
	Trees    []Tree // "<uid>.<gid>" folders in DataRoot, in use or left from before
}

// Tree is a remapped root.
type Tree struct {
	Name     string // "100000.100000"
	UID, GID int64
	Stat     host.Stat
	Images   int // layers recorded in it; 0 if it was never used
	InUse    bool
}

var storageTopic = topic{
	second: func(l *look, q *host.Questions) { askRoot(q, l.dataRoot()) },
	// Its remapped trees, and what it is without symlinks.
	third: func(l *look, q *host.Questions) {
		root := l.dataRoot()
		askRoot(q, root)
		q.Stats = append(q.Stats, chain(l.real(root))...)
		for _, name := range l.seen.Dirs[root].Names {
			if _, _, ok := dockerd.RootIDs(name); ok {
				q.Stats = append(q.Stats, path.Join(root, name))
				q.Dirs = append(q.Dirs, layerFolder(path.Join(root, name), l.driver()))
			}
		}
	},
	read:   func(l *look, f *Facts) { f.Storage = l.storage() },
	unread: func(f *Facts, err error) { f.Storage.Err = err },
}

// askRoot asks for the folder that a data root is, and what is around it.
func askRoot(q *host.Questions, root string) {
	q.Stats = append(q.Stats, chain(root)...)
	q.Dirs, q.Spaces, q.Reals = append(q.Dirs, root), append(q.Spaces, root), append(q.Reals, root)
}

// storage is the data root and the file system that it is on.
func (l *look) storage() Read[Storage] {
	root := l.dataRoot()
	real := l.real(root)
	s := Storage{DataRoot: real, Current: real, Path: l.pathAt(real), Space: l.seen.Spaces[root]}
	if l.engine != nil && l.engine.DataRoot != "" {
		s.Current = path.Clean(l.engine.DataRoot)
	}
	dir := l.seen.Dirs[root]
	for _, name := range dir.Names {
		if tree, ok := l.tree(root, name); ok {
			tree.InUse = path.Join(real, name) == l.real(s.Current)
			s.Trees = append(s.Trees, tree)
		}
	}
	return Read[Storage]{Value: s, Err: dir.Err}
}

// tree looks at a folder of the data root that has the name of a remapped root.
func (l *look) tree(root, name string) (Tree, bool) {
	uid, gid, ok := dockerd.RootIDs(name)
	if !ok {
		return Tree{}, false
	}
	dir := path.Join(root, name)
	layers := l.seen.Dirs[layerFolder(dir, l.driver())]
	return Tree{
		Name: name, UID: uid, GID: gid, Stat: l.seen.Stats[dir],
		Images: len(layers.Names),
	}, true
}

// layerFolder is where an engine records the layers of a graph driver.
func layerFolder(root, driver string) string {
	return path.Join(root, "image", driver, "layerdb", "sha256")
}

// driver is the graph driver of the trees in the data root. An engine that now has its
// images in containerd's store used overlay2 for them, whatever its driver is called.
func (l *look) driver() string {
	if l.engine != nil && !l.engine.ContainerdStore() && l.engine.Driver != "" && !strings.Contains(l.engine.Driver, "/") {
		return l.engine.Driver
	}
	return "overlay2"
}

// dataRoot is the data root of the daemon, running or not.
func (l *look) dataRoot() string {
	if l.engine != nil && path.IsAbs(l.engine.DataRoot) {
		return dockerd.PlainRoot(l.engine.DataRoot)
	}
	if d, ok := l.daemon(); ok {
		return l.configuredRoot(d)
	}
	return l.configuredRoot(l.startedWith())
}

// configuredRoot is the data root that a dockerd was told to use, or its
// default.
func (l *look) configuredRoot(d process) string {
	for _, name := range []string{"data-root", "graph"} {
		if root, ok := d.Flag(name); ok && path.IsAbs(root) {
			return path.Clean(root)
		}
	}
	keys := l.configOf(d)
	for _, root := range []string{keys.DataRoot, keys.Graph} {
		if path.IsAbs(root) && !strings.Contains(root, "\x00") {
			return path.Clean(root)
		}
	}
	if d.snap() {
		return snapDataRoot
	}
	return plainDataRoot
}
