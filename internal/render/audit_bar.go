package render

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/idmap"
)

// barWidth is the columns of a bar: two for each bit of an ID.
const barWidth = 64

// bars draw where the image's IDs lie against the map, on a terminal that has
// the room, for an image that has IDs outside.
func (a *auditTable) bars(w io.Writer, r audit.Report) {
	if a.style.width < barWidth+16 || r.Verdict == audit.Mappable {
		return
	}
	var uids, gids []int64
	for _, f := range r.Findings {
		if f.Rule == audit.UnmappedOwner {
			uids, gids = append(uids, f.UID), append(gids, f.GID)
		}
	}
	fmt.Fprintln(w)
	a.bar(w, "UIDs", r.IDMap.UID, uids)
	a.bar(w, "GIDs", r.IDMap.GID, gids)
	key := fmt.Sprintf("%s mapped  %s found, and not mapped", a.style.mark("█", "="), a.style.mark("✗", "x"))
	gap := strings.Repeat(" ", (barWidth-len("02^32")-utf8.RuneCountInString(key))/2)
	fmt.Fprintf(w, "      %s\n", a.style.faint("0"+gap+key+gap+" 2^32"))
}

// bar is one axis from 0 to 2^32, on a logarithmic scale: what the map takes is
// solid, and the IDs that it does not take are marked.
func (a *auditTable) bar(w io.Writer, name string, e idmap.Extents, ids []int64) {
	solid, gap, cross := a.style.mark("█", "="), a.style.mark("·", "."), a.style.mark("✗", "x")
	cells := make([]string, barWidth)
	for i := range cells {
		cells[i] = gap
		if e.Treatment(int64(math.Exp2(float64(i)/barWidth*32))-1) != idmap.Unmapped {
			cells[i] = solid
		}
	}
	for _, id := range ids {
		if e.Treatment(id) == idmap.Unmapped {
			cells[column(id)] = cross
		}
	}
	paint := map[string]func(string) string{gap: a.style.faint, solid: a.style.good, cross: a.style.bad}
	fmt.Fprint(w, name, "  ")
	for i := 0; i < barWidth; {
		n := 1
		for i+n < barWidth && cells[i+n] == cells[i] {
			n++
		}
		fmt.Fprint(w, paint[cells[i]](strings.Repeat(cells[i], n)))
		i += n
	}
	fmt.Fprintln(w)
}

// column is where an ID is on a bar; what lies outside is at the end.
func column(id int64) int {
	if id < 0 || id >= 1<<32 {
		return barWidth - 1
	}
	return min(barWidth-1, int(math.Log2(float64(id+1))/32*barWidth))
}
