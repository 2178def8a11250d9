package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// An entry is a file of an archive, or a link to one.
type entry struct {
	link      string // where a link leads, from "/" on, "" for a file
	n         int    // its place in the archive, since a name can come twice
	off, size int64  // of the body, if the archive is a file
	held      *held  // what was made of it, if the archive is a stream
}

// contents are the entries of an archive by their cleaned names. Of two of the
// same name the later one counts, as it would after unpacking, which is what
// docker load does first.
type contents struct {
	entries map[string]*entry
	count   int
	weight  int // bytes of names
}

func newContents() contents { return contents{entries: map[string]*entry{}} }

// add puts an entry on record and returns it, or nil if it can be of no use.
func (c *contents) add(h *tar.Header) (*entry, error) {
	if isSparse(h) {
		return nil, fmt.Errorf("%q is stored as a sparse file: pack the archive again without --sparse", h.Name)
	}
	name := clean(h.Name)
	e := &entry{size: h.Size, n: c.count}
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeLink:
		e.link = "/" + clean(h.Linkname)
	case tar.TypeSymlink:
		e.link = follow(name, h.Linkname)
	default:
		return nil, nil
	}
	c.count, c.weight = c.count+1, c.weight+len(name)+len(e.link)
	if c.count > maxEntries || c.weight > maxNames {
		return nil, fmt.Errorf("not an archive of images: it has more than %d files, or %d MiB of names", maxEntries, maxNames>>20)
	}
	if name == "" {
		return nil, nil
	}
	c.entries[name] = e
	return e, nil
}

func isSparse(h *tar.Header) bool {
	return h.Typeflag == tar.TypeGNUSparse || h.PAXRecords["GNU.sparse.major"] != "" || h.PAXRecords["GNU.sparse.map"] != ""
}

// lookup follows links from a name to a file. docker save writes a layer that
// an archive has already as a link to it (20.10 to 24).
func (c *contents) lookup(name string) (*entry, string, error) {
	at := clean(name)
	for range 16 {
		e, ok := c.entries[at]
		switch {
		case !ok:
			return nil, "", missing(name)
		case e.link == "":
			return e, at, nil
		}
		at = clean(e.link)
	}
	return nil, "", errors.New("its links lead in a circle, or over more than 16 others")
}

// missing is the error for a file that does not exist.
type missing string

func (m missing) Error() string        { return fmt.Sprintf("there is no file %q in it", string(m)) }
func (m missing) Is(target error) bool { return target == fs.ErrNotExist }

// clean writes the name of an entry in one way: "./a//b" and "/a/b" are "a/b".
// It is "" for what lies outside of the archive, where nothing is looked for.
func clean(name string) string {
	name = strings.TrimPrefix(path.Clean(name), "/")
	if name == "." || name == ".." || strings.HasPrefix(name, "../") {
		return ""
	}
	return name
}

// follow gives the name that a symbolic link at a name leads to. As in a
// chroot, ".." leads no higher than the archive's top.
func follow(name, link string) string {
	if !path.IsAbs(link) {
		link = path.Join("/", path.Dir(name), link)
	}
	return path.Clean(link)
}
