// Package tarwalk reads the headers of a tar archive, and skips the bodies:
// owner, type and name of every entry, as archive/tar (and so dockerd, which
// unpacks layers with it) would report them, several times faster. It refuses
// what archive/tar of Go 1.26 refuses, at the same entry.
//
// It does not restore files, and knows nothing of times, modes or extended
// attributes. Use archive/tar where those matter.
package tarwalk

import "fmt"

// Header is what is known of one entry. Name and Linkname are valid until the
// next call of Next, and stand as they are in the archive (PAX and GNU long
// names resolved, nothing cleaned).
//
// A PAX global header is an entry too, of type tar.TypeXGlobalHeader: it has a
// name and nothing else, and what it says is not applied to the entries after
// it, as in archive/tar.
type Header struct {
	Name     []byte
	Linkname []byte
	UID, GID int64
	// Size of the file in bytes. The body in the archive is shorter where the
	// file is sparse, and there is none for links, directories and devices,
	// whatever their Size says.
	Size       int64
	Type       byte  // a type flag of archive/tar, e.g. tar.TypeReg
	Offset     int64 // of the entry's first header block, extended headers included, in bytes from the start
	BodyOffset int64 // of the body's first byte, in bytes from the start
}

// An OffsetError says where in an archive the reading ended. Err is or wraps
// tar.ErrHeader where a header is malformed, tar.ErrFieldTooLong where an
// extended header is over 1 MiB, io.ErrUnexpectedEOF where the archive ends
// inside an entry, and otherwise the error of the reader underneath.
type OffsetError struct {
	Offset int64 // of the header block at fault, or of the one whose body is, in bytes from the start
	Err    error
}

func (e *OffsetError) Error() string {
	return fmt.Sprintf("reading the tar entry at byte %d: %v", e.Offset, e.Err)
}

func (e *OffsetError) Unwrap() error { return e.Err }
