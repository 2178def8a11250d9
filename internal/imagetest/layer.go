package imagetest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"path"
	"strconv"
	"strings"
)

// good are IDs that a map of 100000:65536 takes, odd those around its ends and
// around the ends of what the formats of tar and of Linux can hold.
var (
	good = []int{0, 0, 0, 1, 33, 1000, 65534, 65535}
	odd  = []int{65535, 65536, 65537, 99999, 100000, 100001, 165535, 165536, 1<<21 - 1, 1 << 21, 1516583083, 1<<31 - 1, 1 << 31, 1<<32 - 2, 1<<32 - 1, 1 << 32, 1 << 40, -1, -100000}
)

type generator struct {
	*rand.Rand
	what strings.Builder
}

// layer is a tar of a few entries. A directory comes first, so that there is a
// place for whiteouts and links.
func (g *generator) layer() []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	fmt.Fprintf(&g.what, "layer\n")
	g.entry(w, tar.Header{Name: "d/", Typeflag: tar.TypeDir})
	g.entry(w, tar.Header{Name: "d/first", Typeflag: tar.TypeReg, Size: 3})
	used := map[string]bool{}
	for i := range g.IntN(6) {
		h := kinds[g.IntN(len(kinds))]
		h.Name = strings.ReplaceAll(h.Name, "N", strconv.Itoa(i))
		// Engines refuse a path that a layer has twice (tar-split's
		// ErrDuplicatePath), whatever its owner.
		if p := path.Clean(h.Name); !used[p] {
			used[p] = true
			g.entry(w, h)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// kinds are the entries that an engine may treat apart.
var kinds = []tar.Header{
	{Name: "d/fileN", Typeflag: tar.TypeReg, Size: 3},
	{Name: "d/" + strings.Repeat("long", 40) + "N", Typeflag: tar.TypeReg},
	{Name: "d/dirN/", Typeflag: tar.TypeDir},
	{Name: "d/symlinkN", Typeflag: tar.TypeSymlink, Linkname: "first"},
	{Name: "d/hardlinkN", Typeflag: tar.TypeLink, Linkname: "d/first"},
	{Name: "d/fifoN", Typeflag: tar.TypeFifo},
	{Name: "d/charN", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3},
	{Name: "d/blockN", Typeflag: tar.TypeBlock, Devmajor: 7, Devminor: 1},
	{Name: "d/.wh.goneN", Typeflag: tar.TypeReg},
	{Name: "d/.wh..wh..opq", Typeflag: tar.TypeReg},
	{Name: ".wh..wh.plnkN", Typeflag: tar.TypeReg},
	{Name: "./", Typeflag: tar.TypeDir},
	{Name: ".", Typeflag: tar.TypeDir},
	{Name: "./dotN/", Typeflag: tar.TypeDir},
	{Name: "/d/absoluteN", Typeflag: tar.TypeReg},
	{Name: "d/accentéN", Typeflag: tar.TypeReg},
	{Typeflag: tar.TypeXGlobalHeader},
}

// entry writes a header in a format that can hold its owner.
func (g *generator) entry(w *tar.Writer, h tar.Header) {
	h.Mode = 0o755
	if h.Typeflag == tar.TypeXGlobalHeader {
		h = tar.Header{Typeflag: h.Typeflag, PAXRecords: map[string]string{"uid": strconv.Itoa(g.id(2)), "comment": "global"}}
	} else {
		h.Uid, h.Gid = g.id(14), g.id(14)
		h.Format = g.format(h)
	}
	fmt.Fprintf(&g.what, "  %c %q %d:%d %v %v\n", h.Typeflag, h.Name, h.Uid, h.Gid, h.Format, h.PAXRecords)
	err := w.WriteHeader(&h)
	if err == nil {
		_, err = w.Write(make([]byte, h.Size))
	}
	if err != nil {
		panic(fmt.Sprintf("writing %+v: %v", h, err))
	}
}

// id is an odd ID once in n times.
func (g *generator) id(n int) int {
	if g.IntN(n) == 0 {
		return odd[g.IntN(len(odd))]
	}
	return good[g.IntN(len(good))]
}

// format is one of those that can hold the entry: only GNU's has negative IDs,
// and only PAX has names that are not ASCII next to them.
func (g *generator) format(h tar.Header) tar.Format {
	switch {
	case h.Uid < 0 || h.Gid < 0:
		return tar.FormatGNU
	case g.IntN(3) == 0:
		return tar.FormatPAX
	case g.IntN(2) == 0 || len(h.Name) > 100 || max(h.Uid, h.Gid) >= 1<<21 || strings.Contains(h.Name, "é"):
		return tar.FormatGNU
	}
	return tar.FormatUSTAR
}
