package audit

import "fmt"

// Refusal names the first file for which a remapped engine refuses the image, and counts
// the others; "" if there is none.
func (r Report) Refusal() string {
	first, files := "", 0
	for _, f := range r.Findings {
		if f.Rule != UnmappedOwner || len(f.Paths) == 0 {
			continue
		}
		if files += int(f.Count); first == "" {
			first = fmt.Sprintf("%s of %d:%d in layer %d", f.Paths[0], f.UID, f.GID, f.Layer+1)
		}
	}
	switch {
	case files == 2:
		return first + ", and 1 other file"
	case files > 2:
		return fmt.Sprintf("%s, and %d other files", first, files-1)
	}
	return first
}
