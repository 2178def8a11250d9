package layercache

import (
	"cmp"
	"crypto/rand"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"
)

// Files that are not whole yet begin with this. One that is left by a process which was
// killed is removed when it is stale.
const (
	unfinished = ".new-"
	stale      = time.Hour
)

// A draft is an entry that is not whole yet.
type draft struct {
	c    *Cache
	f    *os.File
	name string
	size int64
}

// draft begins an entry, whose name need not be known yet.
func (c *Cache) draft(kind string) (*draft, error) {
	d := &draft{c: c, name: unfinished + rand.Text()}
	var err error
	if d.f, err = c.root.OpenFile(d.name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	if _, err = d.Write([]byte(magic + strings.Repeat("?", len(nameOf(""))) + "\n" + kind + "\n")); err != nil {
		d.drop()
		return nil, err
	}
	return d, nil
}

// Write adds to the entry. An entry that becomes too large fails.
func (d *draft) Write(p []byte) (int, error) {
	if d.size+int64(len(p)) > min(maxFile, d.c.size) {
		return 0, errEntry
	}
	n, err := d.f.Write(p)
	d.size += int64(n)
	return n, err
}

func (d *draft) drop() {
	d.f.Close()
	_ = d.c.root.Remove(d.name)
}

// keep gives the entry its name. The file that has it, whatever it is, is replaced.
func (d *draft) keep(name string) error {
	_, err := d.f.WriteAt([]byte(name), int64(len(magic)))
	if err = cmp.Or(err, d.f.Close()); err == nil {
		err = d.c.root.Rename(d.name, name)
	}
	if err != nil {
		d.drop()
		return err
	}
	d.c.count(d.size)
	return nil
}

// write keeps a small entry.
func (c *Cache) write(name, kind string, b []byte) {
	d, err := c.draft(kind)
	if err != nil {
		return
	}
	if _, err := d.Write(b); err != nil {
		d.drop()
		return
	}
	_ = d.keep(name)
}

// count notes what was added, and trims the cache each time that it can have grown by an
// eighth.
func (c *Cache) count(size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.added += size; c.added > c.size/8 {
		c.trim()
	}
}

// trim removes the files that were not used for longest, until the others are no more
// than the cache may have.
func (c *Cache) trim() {
	c.added = 0
	dir, err := c.root.Open(".")
	if err != nil {
		return
	}
	defer dir.Close()
	entries, _ := dir.ReadDir(-1)
	var all []fs.FileInfo
	var size int64
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case err != nil:
		case !isName(e.Name()) && !strings.HasPrefix(e.Name(), unfinished): // not ours
		case strings.HasPrefix(e.Name(), unfinished) && time.Since(info.ModTime()) < stale:
			size += info.Size()
		default:
			all = append(all, info)
			size += info.Size()
		}
	}
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, info := range all {
		if old := strings.HasPrefix(info.Name(), unfinished); size > c.size || old {
			if c.root.Remove(info.Name()) == nil {
				size -= info.Size()
			}
		}
	}
}
