package audit

import (
	"archive/tar"
	"bytes"
	"fmt"
	"slices"

	"github.com/docker-userns/docker-userns/internal/tarwalk"
)

// refusal are the entries of a layer that are of a kind which no engine unpacks,
// remapped or not (createTarFile of moby/go-archive, "unhandled tar header type").
type refusal struct {
	kind  byte
	count int64
	paths []string
}

// unpacked are the kinds that engines unpack.
var unpacked = []byte{
	tar.TypeReg, tar.TypeLink, tar.TypeSymlink, tar.TypeChar, tar.TypeBlock, tar.TypeDir, tar.TypeFifo, tar.TypeXGlobalHeader,
}

// refuse takes note of an entry of another kind. Of whiteouts the kind does not
// matter.
func (w *walk) refuse(h *tarwalk.Header, name, base []byte) {
	if bytes.IndexByte(unpacked, h.Type) >= 0 || bytes.HasPrefix(base, whiteout) {
		return
	}
	i := slices.IndexFunc(w.facts.refused, func(r *refusal) bool { return r.kind == h.Type })
	if i < 0 {
		i = len(w.facts.refused)
		w.facts.refused = append(w.facts.refused, &refusal{kind: h.Type})
	}
	r := w.facts.refused[i]
	r.count++
	if w.opt.Paths < 0 || len(r.paths) < w.opt.Paths && w.paths.afford(len(name)) {
		r.paths = append(r.paths, text(name))
	}
}

// refusedEntries are the findings of such entries.
func (j *join) refusedEntries() (all []Finding) {
	for i, l := range j.layers {
		for _, r := range l.refused {
			f := refusedFinding(i,
				fmt.Sprintf("%s of type %q%s, which no engine unpacks: unhandled tar header type %d", entries(r.count), r.kind, kinds[r.kind], r.kind),
				"pack the layer again with files, folders, links and devices only: GNU tar without --sparse, --label, --multi-volume and --listed-incremental")
			f.Count, f.Paths = r.count, j.keep(r.paths)
			all = append(all, f)
		}
	}
	return all
}

// kinds name those that GNU tar writes.
var kinds = map[byte]string{
	tar.TypeGNUSparse: " (a sparse file of GNU tar)", 'V': " (a volume label of GNU tar)", 'D': " (a folder's listing of GNU tar)", 'M': " (the rest of a file of another volume)",
}
