package layercache

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"gotest.tools/v3/assert"
)

func opened(t testing.TB, dir string, size int64) *Cache {
	t.Helper()
	c, err := Open(dir, size)
	assert.NilError(t, err)
	t.Cleanup(c.Close)
	return c
}

// An entry is a header, and a body of which half is read.
type entry struct {
	tarwalk.Header
	body string
}

// made are headers that somebody made up.
type made struct {
	all  []entry
	body io.Reader
	end  error // nil is io.EOF
}

func (m *made) Next() (*tarwalk.Header, error) {
	if len(m.all) == 0 {
		if m.end != nil {
			return nil, m.end
		}
		return nil, io.EOF
	}
	h := &m.all[0].Header
	m.body = bytes.NewReader([]byte(m.all[0].body))
	m.all = m.all[1:]
	return h, nil
}

func (m *made) Read(p []byte) (int, error) { return m.body.Read(p) }

// some are headers with everything that a tar can have in them.
func some(seed uint64, n int) []entry {
	rng := rand.New(rand.NewPCG(seed, 1))
	ids := []int64{0, 1, 1000, 70000, -1, math.MaxInt64, math.MinInt64, 1 << 33}
	kinds := []byte{tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink, tar.TypeXGlobalHeader, 'V', 0xff}
	all := make([]entry, n)
	for i := range all {
		name := make([]byte, rng.IntN(60))
		for k := range name {
			name[k] = "a/b.\x00\xff"[rng.IntN(6)]
		}
		all[i].Header = tarwalk.Header{
			Name: name, UID: ids[rng.IntN(len(ids))], GID: ids[rng.IntN(len(ids))], Type: kinds[rng.IntN(len(kinds))], Size: ids[rng.IntN(len(ids))],
		}
		if rng.IntN(5) == 0 {
			all[i].body = fmt.Sprint("body of ", i)
		}
	}
	return all
}

// told writes down what headers say.
func told(h tarwalk.Headers) (string, error) {
	var b bytes.Buffer
	for {
		e, err := h.Next()
		if err == io.EOF {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%q %d:%d %d %d ", e.Name, e.UID, e.GID, e.Type, e.Size)
		if e.UID != 1000 { // whose bodies nobody reads
			body, err := io.ReadAll(h)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "%q", body)
		}
		fmt.Fprintln(&b)
	}
}

// keep keeps a layer, and gives what it says.
func keep(t testing.TB, c *Cache, all []entry, ids ...string) string {
	t.Helper()
	r := c.Record()
	text, err := told(r.Tape(&made{all: all}))
	assert.NilError(t, err)
	r.Keep(ids...)
	return text
}

// kept is what a layer in the cache says, "" if there is none.
func kept(c *Cache, id string) (text string) {
	ok := c.Layer(id, func(h tarwalk.Headers) (err error) {
		text, err = told(h)
		return err
	})
	if !ok {
		return ""
	}
	return text
}

func TestLayersComeBack(t *testing.T) {
	c := opened(t, filepath.Join(t.TempDir(), "a", "b"), Size)
	for n := range 50 {
		id, other := fmt.Sprint("layer ", n), fmt.Sprint("other ", n)
		want := keep(t, c, some(uint64(n), 1+n*n), id, "", other, id)
		assert.Equal(t, kept(c, id), want)
		assert.Equal(t, kept(c, other), want)
	}
	want, err := told(&made{})
	assert.NilError(t, err)
	keep(t, c, nil, "empty")
	assert.Assert(t, c.Layer("empty", func(h tarwalk.Headers) error {
		text, err := told(h)
		assert.Equal(t, text, want)
		return err
	}))
	assert.Equal(t, kept(c, "unknown"), "")
	assert.Equal(t, kept(c, ""), "")
	assert.Equal(t, kept(nil, "layer 1"), "")
	assert.Equal(t, keep(t, nil, some(1, 5)), keep(t, c, some(1, 5)))
	assert.Equal(t, len(drafts(t, c)), 0)
}

// drafts are files that are not whole.
func drafts(t testing.TB, c *Cache) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(c.root.Name(), unfinished+"*"))
	assert.NilError(t, err)
	return all
}

// Nothing is kept of what was not read to its end.
func TestOnlyWholeLayersAreKept(t *testing.T) {
	c := opened(t, t.TempDir(), Size)
	failed := errors.New("cut short")
	for name, headers := range map[string]tarwalk.Headers{
		"error in it":  &made{all: some(1, 10), end: failed},
		"failing body": &unreadable{made{all: []entry{{body: "x"}}}},
		"long body":    &made{all: []entry{{body: string(make([]byte, maxBody+1))}}},
		"long name":    &made{all: []entry{{Header: tarwalk.Header{Name: make([]byte, maxName+1)}}}},
	} {
		r := c.Record()
		_, _ = told(r.Tape(headers))
		r.Keep(name)
		assert.Equal(t, kept(c, name), "", name)
	}
	r := c.Record()
	_, err := r.Tape(&made{all: some(1, 10)}).Next()
	assert.NilError(t, err)
	r.Keep("left")
	assert.Equal(t, kept(c, "left"), "")

	r = c.Record()
	_, err = told(r.Tape(&made{all: some(1, 10)}))
	assert.NilError(t, err)
	r.Drop()
	assert.Equal(t, len(drafts(t, c)), 0)
}

type unreadable struct{ made }

func (*unreadable) Read([]byte) (int, error) { return 0, errors.New("not at hand") }

// An error of who reads is none of the cache's, and a reader that stops early has not seen
// the checksum.
func TestReadersThatStop(t *testing.T) {
	c := opened(t, t.TempDir(), Size)
	want := keep(t, c, some(3, 20), "a")
	assert.Assert(t, !c.Layer("a", func(tarwalk.Headers) error { return errors.New("enough") }))
	assert.Assert(t, !c.Layer("a", func(h tarwalk.Headers) error { _, err := h.Next(); return err }))
	assert.Equal(t, kept(c, "a"), want)
}

// A body that nobody has read before is not taken for an empty one.
func TestBodiesThatWereNotKept(t *testing.T) {
	c := opened(t, t.TempDir(), Size)
	all := []entry{{Header: tarwalk.Header{Name: []byte("a"), Type: tar.TypeReg, Size: 4}, body: "body"}, {Header: tarwalk.Header{Name: []byte("b")}}}
	read := func(n int) func(tarwalk.Headers) error {
		return func(h tarwalk.Headers) error {
			_, err := h.Next()
			assert.NilError(t, err)
			got := make([]byte, n)
			if _, err := io.ReadFull(h, got); err != nil {
				return err
			}
			assert.Equal(t, string(got), "body"[:n])
			_, err = io.ReadAll(&reader{h})
			return err
		}
	}
	for n := range 5 {
		r := c.Record()
		assert.NilError(t, read(n)(r.Tape(&made{all: all})))
		r.Keep(fmt.Sprint(n))
		for wanted := range 5 {
			assert.Equal(t, c.Layer(fmt.Sprint(n), read(wanted)), wanted <= n, "%d of %d", wanted, n)
		}
	}
}

// reader reads what follows in an archive.
type reader struct{ tarwalk.Headers }

func (r *reader) Read([]byte) (int, error) {
	_, err := r.Next()
	return 0, err
}

func TestDocuments(t *testing.T) {
	c := opened(t, t.TempDir(), Size)
	id := digestOf("{}")
	assert.Assert(t, c.Document(id) == nil)
	c.KeepDocument([]byte("{}"))
	assert.Equal(t, string(c.Document(id)), "{}")
	path := filepath.Join(c.root.Name(), nameOf(id.String()))
	whole, err := os.ReadFile(path)
	assert.NilError(t, err)
	assert.NilError(t, os.WriteFile(path, bytes.Replace(whole, []byte("{}"), []byte("[]"), 1), 0o600))
	assert.Assert(t, c.Document(id) == nil)
	c.KeepDocument([]byte("{}"))
	assert.Equal(t, string(c.Document(id)), "{}")
	assert.Assert(t, c.Document("sha256:../../etc/passwd") == nil)
	var none *Cache
	none.KeepDocument([]byte("{}"))
	assert.Assert(t, none.Document(id) == nil)
}
