package audit

import (
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
)

// A Rule says what is wrong. The words are stable: other programs rely on them.
type Rule string

const (
	// UnmappedOwner: the engine refuses the layer, "container ID N cannot be
	// mapped to a host ID".
	UnmappedOwner Rule = "unmapped-owner"
	// RootAlias: the layer registers, and the file becomes root's.
	RootAlias Rule = "root-alias"
	// UnmappedUser: a container cannot start as the image's USER.
	UnmappedUser Rule = "unmapped-user"
	// RefusedLayer: the engine refuses the layer or the image for another reason than an
	// ID, remapped or not.
	RefusedLayer Rule = "refused-layer"
	// UnmappedAccount: a line of passwd or group that no process can use.
	UnmappedAccount Rule = "unmapped-account"
	// Owner: nothing is wrong, but the ID was asked for (Options.Asked).
	Owner Rule = "owner"
)

// A Severity is "error" for what fails, "warning" for what does not do what it
// seems to, "note" for what was merely asked for.
type Severity string

// The severities, as SARIF calls them.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Later is what layers above do to all entries of a finding. It never helps: the
// engine registers each layer separately.
type Later string

const (
	// Remains: some entry is still there, or it is unknown whether it is.
	Remains Later = ""
	// Chowned: every entry was replaced by one with a mapped owner, or removed.
	Chowned Later = "chowned"
	// Removed: every entry was removed.
	Removed Later = "removed"
)

// Verdict is what a remapped engine says of registering an image.
type Verdict string

// The verdicts.
const (
	Mappable   Verdict = "mappable"
	Unmappable Verdict = "unmappable"
)

// NoLayer is the layer of a finding that lies in the image's configuration.
const NoLayer = -1

// Report is what an audit says of one image. Its JSON is a contract: keys are
// never renamed.
type Report struct {
	SchemaVersion int       `json:"schemaVersion"` // 1
	Image         string    `json:"image"`
	Source        string    `json:"source"`
	Names         []string  `json:"names,omitempty"` // if it has several
	ID            string    `json:"id"`              // what docker images shows
	ConfigDigest  string    `json:"configDigest"`
	Platform      string    `json:"platform"`
	IDMap         idmap.Map `json:"idMap"`
	Verdict       Verdict   `json:"verdict"`
	Startable     bool      `json:"startable"` // a container can run as the configured USER
	Required      Required  `json:"required"`
	Layers        []Layer   `json:"layers"`
	Findings      []Finding `json:"findings"`

	// Dockerfile is what the image was made with: what was given, or what its provenance
	// holds; nil if neither is known.
	Dockerfile *Dockerfile `json:"-"`
}

// Lines are where in the Dockerfile the layers were made, nil if there is none.
func (r Report) Lines() []Lines {
	if r.Dockerfile == nil {
		return nil
	}
	return r.Dockerfile.Lines(r.Layers)
}

// Required are the smallest sizes of a UID map and a GID map, both from ID 0 on,
// that take every entry and the USER; -1 if no map can.
type Required struct {
	UID int64 `json:"uid"`
	GID int64 `json:"gid"`
}

// Layer is what is said of one layer, lowest first.
type Layer struct {
	Index       int    `json:"index"`
	DiffID      string `json:"diffID"`
	Digest      string `json:"digest"`      // "" if the source has none
	Instruction string `json:"instruction"` // that made it, "" if unknown
	// Candidates are the instructions that can have made it, if it was made by
	// several at once and history does not tell which file is of which.
	Candidates []string `json:"candidates,omitempty"`
	Base       bool     `json:"base"`    // of the base image, false when unsure
	Entries    int64    `json:"entries"` // headers, all but PAX globals
	Unmapped   int64    `json:"unmapped"`
}

// Finding is one thing that is wrong: all entries of a layer with one owner.
type Finding struct {
	Rule     Rule     `json:"rule"`
	Severity Severity `json:"severity"`
	Layer    int      `json:"layer"` // index, or NoLayer
	UID      int64    `json:"uid"`
	GID      int64    `json:"gid"`
	Count    int64    `json:"count"`
	// Paths are without "./" or "/" before them. Bytes that are not UTF-8 are
	// written \xNN, and a path beyond PATH_MAX is cut.
	Paths      []string `json:"paths"`
	LaterLayer Later    `json:"laterLayer"`
	Cause      Cause    `json:"cause"`
	// Fix is what to write instead of the instruction, or what to do where that
	// is not known, on one line; "" if nothing is wrong.
	Fix string `json:"fix"`
	// Changes are what Fix is made of: what to write in the place of which
	// instructions. All findings of an image share one plan, so an instruction
	// changes in the same way wherever it is named.
	Changes []Change `json:"changes,omitempty"`
	// Also is what Fix says besides, a sentence each.
	Also []string `json:"-"`
	// Message says what is wrong with the USER or a refused layer, "" for what the rule and the IDs
	// tell already.
	Message string `json:"message,omitempty"`
	// Mixed: this finding counts the entries of further owners too, since the
	// layer has more than are kept apart. UID and GID are those of the first.
	Mixed bool `json:"mixed,omitempty"`
	// Folders are the counts by directory; what is missing to Count lies in
	// directories that were not counted apart.
	Folders []Folder `json:"-"`

	// Common is the deepest folder that holds all the files, without a leading slash.
	Common string `json:"-"`

	// Asked: it has a file that is looked for by its path.
	Asked bool `json:"-"`

	// Ignored is why the finding is accepted (Report.Ignore), "" if it is not.
	Ignored string `json:"ignored,omitempty"`
}

// Report joins the facts of an image's layers. Every layer must have been
// visited: an image with an Err has no report. Other images of the same run can
// turn out to be the base image. It changes nothing, and depends on nothing but
// the layers: not on the order in which they came.
func (a *Auditor) Report(img image.Image, others ...image.Image) Report {
	j := a.join(img, others)
	r := Report{
		SchemaVersion: 1,
		Image:         img.Name,
		Source:        img.Source,
		ID:            img.ID,
		ConfigDigest:  img.ConfigDigest,
		Platform:      img.Platform,
		IDMap:         a.opt.Map,
		Verdict:       Mappable,
		Layers:        j.describe(),
		Findings:      []Finding{},
		Dockerfile:    j.file,
	}
	if len(img.Tags) > 1 {
		r.Names = img.Tags
	}
	uid, gid := need{}, need{}
	for _, l := range j.layers {
		if l.unmapped > 0 {
			r.Verdict = Unmappable
		}
		uid.join(l.uid)
		gid.join(l.gid)
	}
	r.Findings = append(append(r.Findings, j.owners()...), j.refused()...)
	if img.Windows() {
		return r // nothing of it was read
	}
	user := j.user()
	r.Startable = user.startable
	for _, id := range user.uids {
		uid.take(id)
	}
	for _, id := range user.gids {
		gid.take(id)
	}
	r.Required = Required{UID: uid.total(), GID: gid.total()}
	r.Findings = append(r.Findings, user.findings...)
	r.Findings = append(r.Findings, j.accounts()...)
	r.Findings = a.asked(r.Findings)
	return r
}

// asked leaves the findings of what is looked for.
func (a *Auditor) asked(all []Finding) []Finding {
	if a.opt.Asked == nil {
		return all
	}
	kept := []Finding{}
	for _, f := range all {
		if f.Asked || a.opt.Asked.id(f.UID, f.GID) {
			kept = append(kept, f)
		}
	}
	return kept
}
