package commands

import (
	"fmt"
	"io"
	"math"
	"strings"

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
	fmt.Fprintf(w, "      %s\n", a.style.faint(fmt.Sprintf("%-*s%*s", barWidth/2, "0", barWidth-barWidth/2, "2^32")))
}

// bar is one axis from 0 to 2^32, on a logarithmic scale: what the map takes is
// solid, and the IDs that it does not take are marked.
func (a *auditTable) bar(w io.Writer, name string, e idmap.Extents, ids []int64) {
	solid, gap, cross := a.style.mark("█", "="), a.style.mark("·", "."), a.style.mark("✗", "x")
	cells := make([]string, barWidth)
	for i := range cells {
		cells[i] = a.style.faint(gap)
		if e.Fate(int64(math.Exp2(float64(i)/barWidth*32))-1) != idmap.Unmapped {
			cells[i] = a.style.good(solid)
		}
	}
	for _, id := range ids {
		if e.Fate(id) == idmap.Unmapped {
			cells[column(id)] = a.style.bad(cross)
		}
	}
	fmt.Fprintf(w, "%s  %s\n", name, strings.Join(cells, ""))
}

// column is where an ID stands on a bar; what lies outside stands at the end.
func column(id int64) int {
	if id < 0 || id >= 1<<32 {
		return barWidth - 1
	}
	return min(barWidth-1, int(math.Log2(float64(id+1))/32*barWidth))
}
