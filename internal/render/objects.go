package render

import (
	"io"
	"time"

	"github.com/docker-userns/docker-userns/internal/carry"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/report"
)

// Objects writes what enable and disable do as JSON, one object a line. Each has a kind.
// A nil Objects writes nothing.
type Objects struct {
	w   io.Writer
	err error // the first one
}

// NewObjects writes to w.
func NewObjects(w io.Writer) *Objects { return &Objects{w: w} }

// ObjectKinds are the types of the objects by their kinds.
func ObjectKinds() map[string]any {
	return map[string]any{
		"plan": PlanObject{}, "step": StepObject{}, "copying": CopyingObject{}, "carried": CarriedObject{}, "warning": WarningObject{},
		"undoing": UndoingObject{}, "result": ResultObject{}, "change": PastObject{},
	}
}

// Err is why an object could not be written.
func (o *Objects) Err() error {
	if o == nil {
		return nil
	}
	return o.err
}

func (o *Objects) write(v any) {
	if o != nil && o.err == nil {
		o.err = escape.JSON(o.w, v)
	}
}

// StepObject is a step that begins, or is done.
type StepObject struct {
	Kind    string   `json:"kind"`
	Number  int      `json:"number" jsonschema:"counted from 1"`
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	State   string   `json:"state" jsonschema:"begun or done"`
	Seconds *float64 `json:"seconds,omitempty" jsonschema:"that it took"`
}

// Begun says that a step begins.
func (o *Objects) Begun(n int, s remap.Step) {
	o.write(StepObject{Kind: "step", Number: n, Name: s.Name, Title: s.Title, State: "begun"})
}

// Done says that a step is done.
func (o *Objects) Done(n int, s remap.Step, took time.Duration) {
	seconds := took.Round(time.Millisecond).Seconds()
	o.write(StepObject{Kind: "step", Number: n, Name: s.Name, Title: s.Title, State: "done", Seconds: &seconds})
}

// CopyingObject says how far a copy is.
type CopyingObject struct {
	Kind   string `json:"kind"`
	Bytes  int64  `json:"bytes" jsonschema:"of content that was copied in this pass"`
	Files  int64  `json:"files" jsonschema:"that are done in this pass"`
	At     string `json:"at" jsonschema:"what is being copied"`
	Passes int    `json:"passes" jsonschema:"that are complete"`
}

// Copying says how far a copy is.
func (o *Objects) Copying(s carry.State) {
	o.write(CopyingObject{Kind: "copying", Bytes: s.Bytes, Files: s.Files, At: s.At, Passes: s.Passes})
}

// CarriedObject says what was carried over.
type CarriedObject struct {
	Kind       string   `json:"kind"`
	Images     []string `json:"images" jsonschema:"IDs"`
	Volumes    []string `json:"volumes" jsonschema:"names"`
	Containers []string `json:"containers" jsonschema:"IDs"`
	Networks   bool     `json:"networks" jsonschema:"all of them"`
	Gone       []string `json:"gone" jsonschema:"removed while the copy was made, and not carried"`
	New        []string `json:"new" jsonschema:"made after the plan, and not carried"`
	Files      int64    `json:"filesCompared"`
	Bytes      int64    `json:"bytesCompared"`
}

// Carried says what was carried over.
func (o *Objects) Carried(r carry.Result, c carry.Compared) {
	o.write(CarriedObject{
		Kind: "carried", Images: list(r.Images), Volumes: list(r.Volumes), Containers: list(r.Containers), Networks: r.Networks,
		Gone: list(r.Gone), New: list(r.New), Files: c.Files, Bytes: c.Bytes,
	})
}

// list is never null in JSON.
func list[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// WarningObject is what does not hold, and is no reason to undo the change.
type WarningObject struct {
	Kind    string `json:"kind"`
	ID      string `json:"id,omitempty" jsonschema:"of the question of verify"`
	Message string `json:"message"`
}

// Accepted is what verify finds, and is no reason to undo the change.
func (o *Objects) Accepted(r report.Result) {
	o.write(WarningObject{Kind: "warning", ID: r.ID, Message: r.Message})
}

// NotStarted names a container that does not start.
func (o *Objects) NotStarted(one remap.Object, why error) {
	o.write(WarningObject{Kind: "warning", Message: "starting container " + one.String() + ": " + why.Error()})
}

// UndoingObject says that the change is being undone.
type UndoingObject struct {
	Kind string `json:"kind"`
	Why  string `json:"why"`
}

// Undoing says why the change is being undone.
func (o *Objects) Undoing(why error) { o.write(UndoingObject{Kind: "undoing", Why: why.Error()}) }

// ResultObject is the last one, and says how it ended.
type ResultObject struct {
	Kind          string   `json:"kind"`
	SchemaVersion int      `json:"schemaVersion" jsonschema:"1"`
	Outcome       Outcome  `json:"outcome" jsonschema:"planned, unchanged, refused, made, partly, undone or uncertain"`
	ExitCode      int      `json:"exitCode"`
	Why           string   `json:"why,omitempty" jsonschema:"why it is not made, or not as planned"`
	Change        string   `json:"change,omitempty" jsonschema:"ID of the change that was made or undone"`
	Folder        string   `json:"folder,omitempty" jsonschema:"on the host, with the backup and the log of the change"`
	Restart       string   `json:"restart,omitempty" jsonschema:"command for the host that is left to the user"`
	NotRunning    []string `json:"notRunning,omitempty" jsonschema:"containers that ran before enable, and do not run after disable"`
	Recovery      []string `json:"recovery,omitempty" jsonschema:"commands for the host, in this order, if the outcome is uncertain"`
}

// Outcome is how a command ended: one of remap.Outcome, or one of these.
type Outcome string

const (
	// Planned: it was to show the plan only.
	Planned Outcome = "planned"
	// Unchanged: the host is as it was asked to be already.
	Unchanged Outcome = "unchanged"
)

// Result says how it ended.
func (o *Objects) Result(r ResultObject) {
	r.Kind, r.SchemaVersion = "result", 1
	o.write(r)
}

// PastObject is a change that a host keeps.
type PastObject struct {
	Kind     string        `json:"kind"`
	Change   string        `json:"change" jsonschema:"its ID"`
	Command  remap.Verb    `json:"command" jsonschema:"enable or disable"`
	Verdict  remap.Verdict `json:"verdict" jsonschema:"kept or undone; empty if it is under way, or was given up before it touched anything"`
	Before   string        `json:"dataRootBefore"`
	After    string        `json:"dataRootAfter"`
	Remapped bool          `json:"remappedAfter"`
}

// Past lists the changes of a host.
func (o *Objects) Past(all []remap.Past) {
	for _, p := range all {
		o.write(PastObject{
			Kind: "change", Change: p.ID, Command: p.Verb, Verdict: p.Verdict,
			Before: p.Before.DataRoot, After: p.After.DataRoot, Remapped: p.After.Remapped,
		})
	}
}
