// Package layercache keeps the headers of layers in the cache folder of a user, so
// that nobody has to read a layer twice. A layer of a digest never changes, and its
// headers are kept as they are, not what they mean for an ID map: any audit can be made
// of them.
//
// What is in the folder is believed as far as the user is: it has to belong to who reads
// it, and links are not followed. Whatever is wrong with the cache, an audit only takes
// longer: nothing in here fails.
package layercache

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
)

// Version is that of the form and the meaning of what is kept. Entries of other versions
// are ignored, and replaced.
const Version = "1"

// Size is how many bytes a cache may have, if nobody says otherwise.
const Size = 256 << 20

// A Cache is a folder of entries. A nil Cache has none, and keeps none.
type Cache struct {
	root *os.Root
	size int64

	mu    sync.Mutex
	added int64 // bytes since it was last trimmed
}

// Default is the folder for the caches of this user (os.UserCacheDir, which takes
// XDG_CACHE_HOME).
func Default() (string, error) {
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "docker-userns", "layers"), err
}

// Open opens the cache in a folder, which is made if it is missing. The error says why a
// folder cannot be used: it is not a folder, or belongs to somebody else, or others may write to it.
func Open(dir string, size int64) (*Cache, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	info, err := os.Lstat(dir)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "opening", Path: dir, Err: errors.New("it is not a folder")}
	}
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	if info, err = root.Stat("."); err == nil && !trusted(info) {
		err = &fs.PathError{Op: "opening", Path: dir, Err: errForeign}
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return &Cache{root: root, size: size}, nil
}

var errForeign = errors.New("it belongs to another user, or others may write to it")

// makeFolder makes a folder and those above it. Root makes none in a folder of somebody else: it would be in
// the way of that user.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	up := filepath.Dir(dir)
	if err := makeFolder(up); err != nil {
		return err
	}
	if info, err := os.Stat(up); err != nil || os.Geteuid() == 0 && !own(info) {
		return &fs.PathError{Op: "making", Path: dir, Err: cmp.Or(err, errForeign)}
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) { // by another process
		return err
	}
	return nil
}

// Close removes what was not used for longest, if there is too much.
func (c *Cache) Close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.added > 0 {
		c.trim()
	}
	c.root.Close()
}

// nameOf is the file of an entry.
func nameOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

// The kinds of entries, as the third line of a file has them.
const (
	kindLayer    = "layer"
	kindDocument = "document"
	kindAlias    = "alias" // followed by the name of another entry
)

const magic = "docker-userns cache " + Version + "\n"

// maxFile is how large a file may be, in bytes.
const maxFile = 64 << 20

var errEntry = errors.New("it is no entry of this cache")

// open opens the file of an entry, at what follows its kind.
func (c *Cache) open(name, kind string) (*os.File, error) {
	f, err := c.openFile(name)
	if err != nil {
		return nil, err
	}
	head := make([]byte, len(magic)+len(name)+len("\n"+kind+"\n"))
	if _, err := io.ReadFull(f, head); err != nil || string(head) != magic+name+"\n"+kind+"\n" {
		f.Close()
		return nil, errEntry
	}
	now := time.Now()
	_ = c.root.Chtimes(name, now, now)
	return f, nil
}

// openFile opens a file that is one, is ours, and is not too large.
func (c *Cache) openFile(name string) (*os.File, error) {
	before, err := c.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !usable(before) {
		return nil, errEntry
	}
	f, err := c.root.Open(name)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !usable(info) || !os.SameFile(before, info) {
		f.Close()
		return nil, errEntry
	}
	return f, nil
}

func usable(info fs.FileInfo) bool {
	return info.Mode().IsRegular() && info.Size() <= maxFile && trusted(info)
}

// resolve follows an alias, once.
func (c *Cache) resolve(name string) string {
	f, err := c.openFile(name)
	if err != nil {
		return name
	}
	defer f.Close()
	head := magic + name + "\n" + kindAlias + "\n"
	whole := make([]byte, len(head)+len(name)+1)
	n, err := io.ReadFull(f, whole)
	to, ok := strings.CutPrefix(string(whole[:n]), head)
	if err != io.ErrUnexpectedEOF || !ok || !isName(to) {
		return name
	}
	now := time.Now()
	_ = c.root.Chtimes(name, now, now)
	return to
}

func isName(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// Document gives the document of a digest, nil if it was not kept.
func (c *Cache) Document(d digest.Digest) []byte {
	if c == nil || d.Validate() != nil {
		return nil
	}
	f, err := c.open(nameOf(d.String()), kindDocument)
	if err != nil {
		return nil
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil || d.Algorithm().FromBytes(b) != d {
		return nil
	}
	return b
}

// KeepDocument keeps a document under its own digest.
func (c *Cache) KeepDocument(b []byte) {
	if c == nil {
		return
	}
	d := digest.FromBytes(b)
	if c.Document(d) == nil {
		c.write(nameOf(d.String()), kindDocument, b)
	}
}
