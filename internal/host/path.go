package host

import "path"

// A Path is a file to be read. Name is absolute, and links on the way to it are
// followed, unless there is a Root.
//
// Root is the absolute path of a directory whose content somebody else made, such
// as a layer of an image. Name is then resolved as a process would that has Root as
// its root directory, chroot(2): a symlink leads nowhere but into Root, however it
// is written, also if the links change meanwhile. Links in Root itself are
// followed: it is the path of somebody who is trusted.
type Path struct {
	Root string
	Name string
}

// String is the path as one would write it.
func (p Path) String() string { return path.Join(p.Root, p.Name) }
