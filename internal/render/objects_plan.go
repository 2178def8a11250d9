package render

import (
	"time"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// PlanObject is what a change would do, before anything is done.
type PlanObject struct {
	Kind          string          `json:"kind"`
	SchemaVersion int             `json:"schemaVersion" jsonschema:"1"`
	Context       string          `json:"context"`
	Endpoint      string          `json:"endpoint"`
	Host          string          `json:"host" jsonschema:"local, sudo, ssh or none"`
	Change        string          `json:"change" jsonschema:"ID that the change would have"`
	Command       remap.Verb      `json:"command" jsonschema:"enable or disable"`
	Before        remap.State     `json:"before"`
	After         remap.State     `json:"after"`
	Restarts      bool            `json:"restarts" jsonschema:"whether the daemon is restarted"`
	Steps         []PlannedStep   `json:"steps"`
	Results       []report.Result `json:"results" jsonschema:"of the checks, as check prints them"`
	BlockedBy     []string        `json:"blockedBy" jsonschema:"IDs of the checks that keep the change from being made"`
	Carry         *PlannedCarry   `json:"carry,omitempty"`
	Grants        []GrantedRight  `json:"grants" jsonschema:"rights to what containers mount from the host"`
	NotGranted    []RefusedRight  `json:"notGranted" jsonschema:"mounts that containers keep fewer rights to"`
	SameVolumes   []SameVolume    `json:"sameVolumes" jsonschema:"that both data roots have, each with data of its own"`
	Mounts        []WrittenMount  `json:"mounts" jsonschema:"folders of the host with files of mapped users"`
	Deletes       []DeletedTree   `json:"deletes" jsonschema:"remapped data roots that are deleted"`
	NotRemoved    []string        `json:"notRemoved" jsonschema:"why something is not removed that was to be"`
}

// PlannedStep is one step of a plan.
type PlannedStep struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Commands []string `json:"commands" jsonschema:"that a user would type for it on the host"`
	Diff     string   `json:"diff,omitempty" jsonschema:"of the files that it edits"`
}

// PlannedCarry is what is copied to the remapped engine.
type PlannedCarry struct {
	Images     []CarriedItem `json:"images"`
	Volumes    []CarriedItem `json:"volumes"`
	Networks   []CarriedItem `json:"networks"`
	Containers []CarriedItem `json:"containers"`
	LeftOut    []ItemLeftOut `json:"leftOut"`
	Kept       carry.Kept    `json:"kept" jsonschema:"what the data root has, and keeps, if all goes back to it"`
	Aside      string        `json:"aside,omitempty" jsonschema:"folder for what the data root has now, if all goes back to it"`
	Bytes      int64         `json:"bytes" jsonschema:"of all, each layer once"`
	Files      int64         `json:"files"`
	NeedBytes  int64         `json:"needBytes" jsonschema:"that have to be free"`
	FreeBytes  int64         `json:"freeBytes"`
	Copying    Seconds       `json:"copyingSeconds" jsonschema:"while everything runs"`
	Outage     Seconds       `json:"outageSeconds" jsonschema:"that the copy adds to the outage"`
}

// CarriedItem is an image, a volume, a network or a container that is carried.
type CarriedItem struct {
	ID    string   `json:"id"`
	Name  string   `json:"name" jsonschema:"empty if it has none"`
	Bytes int64    `json:"bytes"`
	Files int64    `json:"files"`
	Notes []string `json:"notes" jsonschema:"what is not as usual"`
}

// ItemLeftOut is what is not carried, and why.
type ItemLeftOut struct {
	Kind survey.ObjectKind `json:"kind" jsonschema:"image, volume, network or container"`
	Name string            `json:"name"`
	Why  string            `json:"why"`
}

// Seconds is a span of time that is expected.
type Seconds struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// SameVolume is a volume that both data roots have.
type SameVolume struct {
	Name        string `json:"name"`
	CurrentPath string `json:"currentPath"`
	NextPath    string `json:"nextPath"`
	Newer       string `json:"newer" jsonschema:"current, next, neither or unknown"`
}

// WrittenMount is a folder of the host that containers mount.
type WrittenMount struct {
	Path       string   `json:"path"`
	Containers []string `json:"containers"`
	Files      *int     `json:"files" jsonschema:"of mapped users; null if it could not be determined in time"`
}

// DeletedTree is a data root that is deleted.
type DeletedTree struct {
	Path       string   `json:"path"`
	Bytes      int64    `json:"bytes"`
	Containers int      `json:"containers"`
	Images     int      `json:"images"`
	Volumes    []string `json:"volumes"`
}

// Plan is what a change would do. results are those of the checks, some of which block it.
func (o *Objects) Plan(f survey.Facts, p remap.Plan, sides remap.Sides, results []report.Result, blockedBy []string) {
	checked := report.New(f, results)
	o.write(PlanObject{
		Kind: "plan", SchemaVersion: 1, Context: checked.Context, Endpoint: checked.Endpoint, Host: checked.Host,
		Change: p.ID, Command: p.Verb, Before: withLists(p.Before), After: withLists(p.After), Restarts: p.Restarts,
		Steps: stepsOf(p), Results: list(checked.Results), BlockedBy: list(blockedBy), Carry: plannedCarry(p.Carry),
		Grants: grantsOf(p), NotGranted: notGranted(p),
		SameVolumes: sameVolumes(sides), Mounts: mountsOf(sides), Deletes: deletedBy(p), NotRemoved: list(p.NotRemoved),
	})
}

func withLists(s remap.State) remap.State {
	s.Containers, s.Images, s.Volumes, s.Networks = list(s.Containers), list(s.Images), list(s.Volumes), list(s.Networks)
	return s
}

func stepsOf(p remap.Plan) []PlannedStep {
	steps := []PlannedStep{}
	for _, s := range p.Steps {
		steps = append(steps, PlannedStep{Name: s.Name, Title: s.Title, Commands: list(s.Shown), Diff: s.Diff})
	}
	return steps
}

func plannedCarry(c *remap.Carry) *PlannedCarry {
	if c == nil {
		return nil
	}
	planned := &PlannedCarry{
		Images: itemsOf(c.Images), Volumes: itemsOf(c.Volumes), Networks: []CarriedItem{}, Containers: itemsOf(c.Containers), LeftOut: []ItemLeftOut{},
		Kept: c.Job.Kept, Aside: c.Job.Aside,
		Bytes: c.All.Bytes, Files: c.All.Files, NeedBytes: c.Need.Bytes, FreeBytes: c.Free.Bytes, Copying: secondsOf(c.Copying), Outage: secondsOf(c.Outage),
	}
	for _, n := range c.Networks {
		planned.Networks = append(planned.Networks, CarriedItem{ID: n.ID, Name: n.Name, Notes: []string{}})
	}
	for _, l := range c.LeftOut {
		planned.LeftOut = append(planned.LeftOut, ItemLeftOut{Kind: l.Kind, Name: l.Name, Why: l.Why})
	}
	return planned
}

func itemsOf(all []remap.Item) []CarriedItem {
	items := []CarriedItem{}
	for _, one := range all {
		items = append(items, CarriedItem{ID: one.ID, Name: one.Name, Bytes: one.Bytes, Files: one.Files, Notes: list(one.Notes)})
	}
	return items
}

func secondsOf(s remap.Span) Seconds {
	return Seconds{s.From.Round(time.Second).Seconds(), s.To.Round(time.Second).Seconds()}
}

func sameVolumes(sides remap.Sides) []SameVolume {
	same := []SameVolume{}
	for _, t := range sides.Volumes {
		newer := "unknown"
		if order, ok := t.Newer(); ok {
			newer = map[int]string{-1: "next", 0: "neither", 1: "current"}[order]
		}
		same = append(same, SameVolume{Name: t.Name, CurrentPath: t.CurrentPath, NextPath: t.NextPath, Newer: newer})
	}
	return same
}

func mountsOf(sides remap.Sides) []WrittenMount {
	mounts := []WrittenMount{}
	for _, w := range sides.Mounts {
		m := WrittenMount{Path: w.Path, Containers: list(w.Containers)}
		if w.Known {
			m.Files = &w.Files
		}
		mounts = append(mounts, m)
	}
	return mounts
}

func deletedBy(p remap.Plan) []DeletedTree {
	deleted := []DeletedTree{}
	for _, t := range p.Trees {
		one := DeletedTree{Path: t.Path, Bytes: t.Size, Containers: t.Containers, Images: t.Images, Volumes: []string{}}
		for _, v := range t.Volumes {
			one.Volumes = append(one.Volumes, v.Name)
		}
		deleted = append(deleted, one)
	}
	return deleted
}
