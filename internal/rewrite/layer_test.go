package rewrite

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/docker-userns/docker-userns/internal/imagetest"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
	"github.com/google/go-cmp/cmp"
)

// toRoot gives to root what a map of 65536 IDs does not take, and 1000000 to 10001.
type toRoot struct{}

func (toRoot) Owner(h *tarwalk.Header) (uid, gid int64) { return newID(h.UID), newID(h.GID) }

func (toRoot) Accounts(h *tarwalk.Header) func([]byte) []byte {
	if string(h.Name) != "etc/passwd" || h.Type != tar.TypeReg || h.Size > 1<<20 {
		return nil
	}
	return func(data []byte) []byte { return bytes.ReplaceAll(data, []byte("1000000"), []byte("10001")) }
}

func newID(id int64) int64 {
	switch {
	case id == 1000000:
		return 10001
	case id < 0 || id >= 65536:
		return 0
	}
	return id
}

// TestLayerChangesOwnersOnly compares generated layers with what becomes of them, entry
// by entry, as archive/tar reads both.
func TestLayerChangesOwnersOnly(t *testing.T) {
	changed := 0
	for n := range uint64(500) {
		for _, layer := range layersOf(t, imagetest.Generate(1, n).Archive) {
			if holdOwnersOnly(t, layer) {
				changed++
			}
		}
	}
	if changed < 100 {
		t.Errorf("%d layers were changed: this compares nothing", changed)
	}
}

// holdOwnersOnly rewrites a layer, and reports whether it has changed.
func holdOwnersOnly(t *testing.T, layer []byte) bool {
	t.Helper()
	var out bytes.Buffer
	changed, err := Layer(t.Context(), &out, bytes.NewReader(layer), toRoot{})
	if err != nil {
		t.Fatal(err)
	}
	if changed == 0 {
		if !bytes.Equal(out.Bytes(), layer) {
			t.Error("nothing was changed, and the bytes differ")
		}
		return false
	}
	old, now := entries(t, layer), entries(t, out.Bytes())
	if len(old) != len(now) {
		t.Fatalf("%d entries became %d", len(old), len(now))
	}
	for i := range old {
		if old[i].Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		for _, of := range []struct {
			number *int
			record string
		}{{&old[i].Uid, "uid"}, {&old[i].Gid, "gid"}} {
			before := *of.number
			*of.number = int(newID(int64(before)))
			if _, ok := old[i].PAXRecords[of.record]; ok && before != *of.number {
				delete(old[i].PAXRecords, of.record)
				delete(now[i].PAXRecords, of.record)
			}
		}
	}
	if diff := cmp.Diff(old, now); diff != "" {
		t.Errorf("more than owners has changed:\n%s", diff)
	}
	var again bytes.Buffer
	if n, err := Layer(t.Context(), &again, bytes.NewReader(out.Bytes()), toRoot{}); n != 0 || err != nil || !bytes.Equal(again.Bytes(), out.Bytes()) {
		t.Errorf("a second time changes %d entries: %v", n, err)
	}
	return true
}

type entry struct {
	tar.Header
	Body string
}

func entries(t *testing.T, layer []byte) (all []entry) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(layer))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry{*h, string(body)})
	}
}

// layersOf are the layers of a docker-archive.
func layersOf(t *testing.T, archive []byte) (all [][]byte) {
	t.Helper()
	for _, e := range entries(t, archive) {
		if strings.HasSuffix(e.Name, "/layer.tar") {
			all = append(all, []byte(e.Body))
		}
	}
	return all
}

// TestLayerKeepsSparseAndXattrs is for what generated layers do not have.
func TestLayerKeepsSparseAndXattrs(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	body := strings.Repeat("x", 100000)
	for _, h := range []*tar.Header{
		{Name: "a", Uid: 70000, Size: int64(len(body)), PAXRecords: map[string]string{"SCHILY.xattr.user.x": "\x00y", "comment": "c"}},
		{Name: strings.Repeat("long/", 60) + "b", Gid: 1 << 40, Size: 3, Uname: "me", Gname: "us"},
	} {
		h.Typeflag = tar.TypeReg
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(body[:h.Size]))
	}
	w.Close()
	if !holdOwnersOnly(t, b.Bytes()) {
		t.Error("nothing was changed")
	}
	for name, sparse := range sparseLayers {
		t.Run(name, func(t *testing.T) {
			if !holdOwnersOnly(t, sparse) {
				t.Error("nothing was changed")
			}
		})
	}
}

// TestLayerRenumbersAccounts is for a file whose size changes.
func TestLayerRenumbersAccounts(t *testing.T) {
	passwd := strings.Repeat("app:x:1000000:1000000::/:/bin/sh\n", 16)
	layer := imagetest.Layer(
		imagetest.File{Name: "etc/", UID: 0}, imagetest.File{Name: "etc/passwd", UID: 70000, Body: passwd},
		imagetest.File{Name: "after", UID: 1000000, GID: 1000000, Body: "body"},
	)
	layer = append(layer, "behind the end"...)
	var out bytes.Buffer
	if _, err := Layer(t.Context(), &out, bytes.NewReader(layer), toRoot{}); err != nil {
		t.Fatal(err)
	}
	now := entries(t, out.Bytes())
	if want := strings.ReplaceAll(passwd, "1000000", "10001"); now[1].Body != want || now[1].Uid != 0 {
		t.Errorf("passwd is of %d, and has\n%s", now[1].Uid, now[1].Body)
	}
	if now[2].Uid != 10001 || now[2].Gid != 10001 || now[2].Body != "body" {
		t.Errorf("the file behind it is of %d:%d, and has %q", now[2].Uid, now[2].Gid, now[2].Body)
	}
	if !strings.HasSuffix(out.String(), strings.Repeat("\x00", 1024)+"behind the end") {
		t.Error("the end of the archive is another one")
	}
}

// TestLayerRefuses is for what is no tar, is cut short, or fills the memory.
func TestLayerRefuses(t *testing.T) {
	whole := imagetest.Layer(imagetest.File{Name: "a", UID: 70000, Body: "body"})
	endless := bytes.Repeat(imagetest.Layer(imagetest.File{Name: "x", Body: strings.Repeat("a", 1<<20)})[:512+1<<20], 10)
	for i := 0; i < len(endless); i += 512 + 1<<20 {
		retype(endless[i:i+512], tar.TypeGNULongName)
	}
	for _, test := range []struct {
		name string
		data []byte
		want error
	}{
		{"cut short", whole[:514], io.ErrUnexpectedEOF},
		{"no tar", bytes.Repeat([]byte("x"), 2000), tar.ErrHeader},
		{"headers without end", endless, errHeaders},
	} {
		if _, err := Layer(t.Context(), io.Discard, bytes.NewReader(test.data), toRoot{}); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// FuzzLayer holds a rewritten archive to the original, whatever it is.
func FuzzLayer(f *testing.F) {
	for _, layer := range sparseLayers {
		f.Add(layer)
	}
	f.Add(imagetest.Layer(imagetest.File{Name: "etc/passwd", UID: 70000, Body: "app:x:1000000:1000000::/:\n"}, imagetest.File{Name: "a", GID: -5}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		if _, err := Layer(t.Context(), &out, bytes.NewReader(data), toRoot{}); err != nil {
			return
		}
		old, now := tarwalk.NewReader(bytes.NewReader(data)), tarwalk.NewReader(bytes.NewReader(out.Bytes()))
		for {
			h, err := old.Next()
			g, err2 := now.Next()
			if err != nil || err2 != nil {
				if err != io.EOF || err2 != io.EOF {
					t.Fatalf("the original ends with %v, the new one with %v", err, err2)
				}
				return
			}
			if h.Type != tar.TypeXGlobalHeader && (g.UID != newID(h.UID) || g.GID != newID(h.GID)) || !bytes.Equal(g.Name, h.Name) || g.Type != h.Type {
				t.Fatalf("%c %q of %d:%d became %c %q of %d:%d", h.Type, h.Name, h.UID, h.GID, g.Type, g.Name, g.UID, g.GID)
			}
			if toRoot.Accounts(toRoot{}, h) != nil {
				continue
			}
			a, err := io.ReadAll(old)
			b, err2 := io.ReadAll(now)
			if !bytes.Equal(a, b) || (err == nil) != (err2 == nil) {
				t.Fatalf("the bodies of %q differ: %v, %v", h.Name, err, err2)
			}
		}
	})
}
