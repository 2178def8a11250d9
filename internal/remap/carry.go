package remap

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Wanted is what a user wants to have in the remapped data root, too.
type Wanted struct {
	Images  bool
	Volumes bool
	// Exclude are patterns of path.Match for names, with their kind.
	Exclude []Exclusion
	// Refused are the images by ID that a remapped engine refuses, or that could not be
	// audited, with the reason.
	Refused map[string]string
}

// Exclusion is a pattern of what is left out.
type Exclusion struct {
	Kind    survey.ObjectKind
	Pattern string
}

// Carry is what enable copies to the remapped data root.
type Carry struct {
	Job     carry.Job
	Images  []Item
	Volumes []Item
	LeftOut []LeftOut
	All     carry.Size // each layer once
	Need    carry.Size // that has to be free
	Free    carry.Size // Files is -1 if the file system has no limit of them
	Copying Span       // while everything runs
	Outage  Span       // that the copy adds to the outage
}

// Item is an image or a volume that is carried.
type Item struct {
	Object
	carry.Size
	Unmapped int64 // files whose owner the map does not have: they keep it
}

// LeftOut is an object that is not carried, and why.
type LeftOut struct {
	Kind survey.ObjectKind
	Name string
	Why  string
}

// Span is how long something is expected to take.
type Span struct{ From, To time.Duration }

// CarriedFile is the file in the folder of a change that says what was carried, as a
// [carry.Result].
const CarriedFile = "carried"

// twinFolder is what a copy of a data root is called until it is complete, in the data
// root itself: it has to be on the same file system, and an engine ignores it.
const twinFolder = ".docker-userns-twin"

// PlanCarry plans the copy of what was chosen, by what was measured on the host. The error
// is why it cannot be made there.
func PlanCarry(f survey.Facts, j carry.Job, left []LeftOut, m carry.Measured) (*Carry, error) {
	c := &Carry{Job: j, LeftOut: left, All: m.All, Free: m.Free}
	switch {
	case m.Existing:
		return nil, fmt.Errorf("--carry: %s exists, from an earlier time with remap on: enable without --carry uses it again. To copy into a new one instead, move it away, or enable, and then delete it with: %s", j.Place, report.Docker(f, "userns", "disable", "--reclaim"))
	case len(m.Mounted) > 0:
		return nil, fmt.Errorf("--carry: %s is a mount or a link, and only a data root that is on one file system can be copied", strings.Join(m.Mounted, ", "))
	}
	c.choose(f, m)
	if len(c.Images)+len(c.Volumes) == 0 {
		return nil, errors.New("--carry: there is nothing that can be carried" + c.reasons())
	}
	return c, c.space(m)
}

// choose sorts the items from those with a problem.
func (c *Carry) choose(f survey.Facts, m carry.Measured) {
	problem := func(kind survey.ObjectKind, id, name string) bool {
		why, bad := m.Problems[id]
		if bad {
			c.LeftOut = append(c.LeftOut, LeftOut{kind, name, why})
			c.Job.Known = append(slices.Clone(c.Job.Known), id)
		}
		return bad
	}
	byID := map[string]string{}
	for _, i := range f.Images.Value {
		byID[i.ID] = strings.Join(i.Tags, ", ")
	}
	var images, volumes []string
	var inVolumes carry.Size
	for _, id := range c.Job.Images {
		if !problem(survey.KindImage, id, cmp.Or(byID[id], id)) {
			images = append(images, id)
			c.Images = append(c.Images, Item{Object: Object{ID: id, Name: byID[id]}, Size: m.Images[id]})
		}
	}
	for _, name := range c.Job.Volumes {
		if !problem(survey.KindVolume, name, name) {
			volumes = append(volumes, name)
			c.Volumes = append(c.Volumes, Item{Object: Object{ID: name, Name: name}, Size: m.Volumes[name], Unmapped: m.Unmapped[name]})
			inVolumes.Bytes, inVolumes.Files = inVolumes.Bytes+m.Volumes[name].Bytes, inVolumes.Files+m.Volumes[name].Files
		}
	}
	c.Job.Images, c.Job.Volumes = images, volumes
	todo := carry.Size{Bytes: max(m.All.Bytes-m.Have.Bytes, 0), Files: max(m.All.Files-m.Have.Files, 0)}
	c.Copying = around(timeFor(todo, m.Speed))
	c.Outage = Span{time.Second, (5*time.Second + timeFor(carry.Size{Bytes: inVolumes.Bytes / 20, Files: inVolumes.Files / 5}, m.Speed)).Round(time.Second)}
}

// timeFor is how long a disk with a speed takes for so much.
func timeFor(s, speed carry.Size) time.Duration {
	seconds := float64(s.Bytes)/float64(max(speed.Bytes, 1)) + float64(s.Files)/float64(max(speed.Files, 1))
	return time.Duration(min(seconds, (24*time.Hour).Seconds()) * float64(time.Second))
}

// around is a span for an estimate: the disk is shared with what runs, and the copy gives
// way to that.
func around(d time.Duration) Span {
	return Span{max(d/2, time.Second).Round(time.Second), max(4*d, 5*time.Second).Round(time.Second)}
}

// space refuses a copy that the file system has no room for. As much again as the copy of
// a small volume stays free for the engine and everybody else.
func (c *Carry) space(m carry.Measured) error {
	const least = 1 << 30
	c.Need.Bytes = max(m.All.Bytes-m.Have.Bytes, 0)
	c.Need.Bytes += max(c.Need.Bytes/20, least)
	c.Need.Files = max(m.All.Files-m.Have.Files, 0) + 1000
	var short string
	switch {
	case c.Need.Bytes > m.Free.Bytes:
		short = fmt.Sprintf("needs %s, and %s are free", units.HumanSize(float64(c.Need.Bytes)), units.HumanSize(float64(m.Free.Bytes)))
	case m.Free.Files >= 0 && c.Need.Files > m.Free.Files:
		short = fmt.Sprintf("needs %d inodes, and %d are free", c.Need.Files, m.Free.Files)
	default:
		return nil
	}
	return fmt.Errorf("--carry: the copy in %s %s; free some, or leave the largest out with --exclude: %s", c.Job.From, short, strings.Join(c.largest(), ", "))
}

// largest names the largest items as --exclude takes them.
func (c *Carry) largest() []string {
	type sized struct {
		name  string
		bytes int64
	}
	var all []sized
	for _, i := range c.Images {
		if i.Name != "" {
			all = append(all, sized{"image:" + i.Name, i.Bytes})
		}
	}
	for _, v := range c.Volumes {
		all = append(all, sized{"volume:" + v.Name, v.Bytes})
	}
	slices.SortStableFunc(all, func(a, b sized) int { return cmp.Compare(b.bytes, a.bytes) })
	var names []string
	for _, one := range all[:min(len(all), 3)] {
		names = append(names, fmt.Sprintf("%s (%s)", one.name, units.HumanSize(float64(one.bytes))))
	}
	return names
}

// reasons are why things are left out, each once.
func (c *Carry) reasons() string {
	all := map[string]bool{}
	for _, l := range c.LeftOut {
		all[l.Why] = true
	}
	if len(all) == 0 {
		return ": there are no images and no volumes"
	}
	return ": " + strings.Join(slices.Sorted(maps.Keys(all)), "; ")
}

// copying is the step that copies, before anything is touched.
func copying(c *Carry) []Step {
	if c == nil {
		return nil
	}
	return []Step{{
		Name: "copy",
		Title: fmt.Sprintf("Copy %s to %s with shifted owners, while everything runs (%s); the next attempt resumes a copy that was interrupted",
			c.String(), c.Job.To, c.Copying),
		Busy: "copying", Fails: Refuse, Acts: []Act{copyOver{c.Job}},
	}}
}

// String counts what is carried.
func (c *Carry) String() string {
	return report.Count(len(c.Images), "image") + " and " + report.Count(len(c.Volumes), "volume")
}

// String is a span in words.
func (s Span) String() string { return fmt.Sprintf("%s to %s", short(s.From), short(s.To)) }

// finishTime is how long the last pass may take until the change is undone.
func (c *Carry) finishTime() time.Duration { return max(10*time.Minute, 10*c.Outage.To) }
