package remap

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
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
	Images     bool
	Volumes    bool
	Networks   bool
	Containers bool // needs all others
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
	Job        carry.Job
	Images     []Item
	Volumes    []Item
	Networks   []Object
	Containers []Item
	// Ran are the containers that run now, and are to run again.
	Ran []Object
	// Again are containers that ran before remap was turned on, and that a remapped engine
	// does not start.
	Again []Object
	// Kept are the containers that the other data root has, and keeps.
	Kept    []Object
	before  State // of the other data root, when it was left
	LeftOut []LeftOut
	All     carry.Size // each layer once
	Need    carry.Size // that has to be free
	Free    carry.Size // Files is -1 if the file system has no limit of them
	Copying Span       // while everything runs
	Outage  Span       // that the copy adds to the outage
}

// Item is an image, a volume or a container that is carried.
type Item struct {
	Object
	carry.Size
	Notes []string // what is not as usual
}

// LeftOut is an object that is not carried, and why.
type LeftOut struct {
	Kind survey.ObjectKind
	Name string
	Why  string
}

// Span is how long something is expected to take.
type Span struct{ From, To time.Duration }

// These files in the folder of a change say what the outage found and did.
const (
	// CarriedFile has what was carried, as a [carry.Result].
	CarriedFile = "carried"
	// RanFile has the IDs of the containers that were stopped, one a line.
	RanFile = "ran"
)

// NetworksFile is the file in the folder of a change that has the IDs of the networks
// that the engine of a data root had when it was stopped.
func NetworksFile(dataRoot string) string { return "networks-" + path.Base(dataRoot) }

// twinFolder is what a copy of a data root is called until it is complete, in the data
// root itself: it has to be on the same file system, and an engine ignores it.
const twinFolder = ".docker-userns-twin"

// PlanCarry plans the copy of what was chosen, by what was measured on the host. The error
// is why it cannot be made there.
func PlanCarry(f survey.Facts, chosen Chosen, m carry.Measured) (*Carry, error) {
	switch {
	case m.Existing:
		return nil, fmt.Errorf("--carry: %s exists, from an earlier time with remap on: enable without --carry uses it again. To copy into a new one instead, move it away, or delete it with: %s", chosen.Job.Place, report.Docker(f, "userns", "disable", "--reclaim"))
	case len(m.Mounted) > 0:
		return nil, fmt.Errorf("--carry: %s is a mount or a link, and only a data root that is on one file system can be copied", strings.Join(m.Mounted, ", "))
	}
	c := withoutProblems(f, chosen, m)
	if err := c.keep(chosen, m.There); err != nil {
		return nil, err
	}
	if c.Job.Networks {
		for _, n := range f.Networks.Value {
			c.Networks = append(c.Networks, Object{ID: n.ID, Name: n.Name})
		}
	}
	if len(c.Images)+len(c.Volumes)+len(c.Networks)+len(c.Containers) == 0 {
		return nil, errors.New("--carry: there is nothing that can be carried" + c.reasons())
	}
	m.All = c.All // with what is kept
	c.times(m)
	return c, c.space(m)
}

// times estimates how long the copy takes, and what is left of it for the outage: what is
// written to in the meantime is copied again.
func (c *Carry) times(m carry.Measured) {
	todo := carry.Size{Bytes: max(m.All.Bytes-m.Have.Bytes, 0), Files: max(m.All.Files-m.Have.Files, 0)}
	c.Copying = around(timeFor(todo, m.Speed))
	var again carry.Size
	for _, one := range slices.Concat(c.Volumes, c.Containers) {
		again.Bytes, again.Files = again.Bytes+one.Bytes/20, again.Files+one.Files/5
	}
	c.Outage = Span{time.Second, (5*time.Second + timeFor(again, m.Speed)).Round(time.Second)}
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
	for _, one := range c.Containers {
		all = append(all, sized{"container:" + one.Name, one.Bytes})
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
		return ": the engine has nothing of what was asked for"
	}
	return ": " + strings.Join(slices.Sorted(maps.Keys(all)), "; ")
}

// ran are the containers that are to run again after the restart.
func (c *Carry) ran() []Object {
	if c == nil {
		return nil
	}
	return c.Ran
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
	return Counts(map[survey.ObjectKind]int{
		survey.KindImage: len(c.Images), survey.KindVolume: len(c.Volumes), survey.KindNetwork: len(c.Networks), survey.KindContainer: len(c.Containers),
	})
}

// Names are those of carried items with these IDs, the IDs themselves of others.
func (c *Carry) Names(ids []string) []string {
	names := map[string]string{}
	for _, one := range slices.Concat(c.Images, c.Volumes, c.Containers) {
		names[one.ID] = one.String()
	}
	var all []string
	for _, id := range ids {
		all = append(all, cmp.Or(names[id], id))
	}
	return all
}

// Counts says how many there are of each kind, such as "2 images and 1 volume".
func Counts(n map[survey.ObjectKind]int) string {
	var counts []string
	for _, k := range []survey.ObjectKind{survey.KindImage, survey.KindVolume, survey.KindNetwork, survey.KindContainer} {
		if n[k] > 0 {
			counts = append(counts, report.Count(n[k], string(k)))
		}
	}
	return enumerate(counts)
}

// String is a span in words.
func (s Span) String() string { return fmt.Sprintf("%s to %s", short(s.From), short(s.To)) }

// finishTime is how long the last pass may take until the change is undone.
func (c *Carry) finishTime() time.Duration { return max(10*time.Minute, 10*c.Outage.To) }
