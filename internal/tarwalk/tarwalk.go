// Package tarwalk reads the headers of a tar archive, and skips the bodies:
// owner, type and name of every entry, as archive/tar (and so dockerd, which
// unpacks layers with it) would report them, several times faster.
//
// It does not restore files, and knows nothing of times, modes or extended
// attributes. Use archive/tar where those matter.
package tarwalk

// Header is what is known of one entry. Name and Linkname are valid until the
// next call of Next, and stand as they are in the archive (PAX and GNU long
// names resolved, nothing cleaned).
type Header struct {
	Name     []byte
	Linkname []byte
	UID, GID int64
	Size     int64 // of the body, in bytes
	Type     byte  // a type flag of archive/tar, e.g. tar.TypeReg
	Offset   int64 // of the entry's first header block, in bytes from the start
}
