package survey

import (
	"errors"
	"io/fs"
	"path"
)

var (
	// ErrNoProcess: no dockerd was found that serves the endpoint.
	ErrNoProcess = errors.New("no dockerd process was found that serves this endpoint")
	// ErrNoConfig: the daemon's configuration file is in a place that cannot be
	// told, as that of a rootless one.
	ErrNoConfig = errors.New("where the daemon's configuration file is cannot be told")

	errNotAsked  = errors.New("it was not asked for")
	errMoved     = errors.New("it was changed while it was looked at")
	errManyLinks = errors.New("it leads over more symbolic links than were followed")
)

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// storage is the data root and the ground it stands on.
func (l *look) storage() Read[Storage] {
	root := l.dataRoot()
	real := l.real(root)
	s := Storage{DataRoot: real, Current: real, Path: l.pathAt(real), Space: l.seen.Spaces[root]}
	if l.engine != nil && l.engine.DataRoot != "" {
		s.Current = path.Clean(l.engine.DataRoot)
	}
	s.Real = real
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
	uid, gid, ok := treeName(name)
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
