package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
)

// maxResults is how many results of a run GitHub's code scanning keeps.
const maxResults = 5000

const toolURI = "https://github.com/docker-userns/docker-userns"

// rulePage has a heading for each rule.
const rulePage = "cli-plugins/docker-userns/reference/userns_audit-image.md"

// SARIFOptions say how reports are put into SARIF.
type SARIFOptions struct {
	Version string // of this program
	Instead string // without a Dockerfile, the file that results point at; "" for the image's name
}

// SARIF writes reports as one SARIF 2.1.0 log that GitHub's code scanning takes:
// one result for each layer, owner and folder, found again in the next run by its
// fingerprint. Beyond 5,000 results errors go first, and a notification says what
// was left out.
func SARIF(w io.Writer, reports []Report, opt SARIFOptions) error {
	run := sarif.NewRunWithInformationURI("docker-userns", toolURI)
	if opt.Version != "" {
		run.Tool.Driver.WithVersion(opt.Version)
	}
	for _, r := range ruleTexts {
		describe(run, r)
	}
	var all []*sarif.Result
	for _, r := range reports {
		all = append(all, results(r, opt)...)
	}
	slices.SortStableFunc(all, func(a, b *sarif.Result) int { return weight(a.Level) - weight(b.Level) })
	invocation := sarif.NewInvocation().WithExecutionSuccessful(true)
	if len(all) > maxResults {
		invocation.AddToolExecutionNotification(sarif.NewNotification().WithLevel("warning").WithMessage(
			sarif.NewTextMessage(fmt.Sprintf("%d of %d results are given: code scanning keeps no more", maxResults, len(all)))))
		all = all[:maxResults]
	}
	run.AddInvocation(invocation)
	run.WithResults(append([]*sarif.Result{}, all...))
	return sarif.NewReport().AddRun(run).PrettyWrite(escape.JSONWriter(w))
}

func weight(level string) int { return strings.Index("error warning note", level) }

func describe(run *sarif.Run, r ruleText) {
	rule := run.AddRule(string(r.rule)).WithName(string(r.rule)).WithDescription(r.short)
	rule.WithShortDescription(sarif.NewMultiformatMessageString().WithText(r.short))
	rule.WithHelp(sarif.NewMultiformatMessageString().WithText(strings.ReplaceAll(r.help, "`", "")).WithMarkdown(r.help))
	rule.WithHelpURI(toolURI + "/blob/main/" + rulePage + "#" + string(r.rule))
	rule.WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(string(severity(r.rule))))
	rule.WithProperties(sarif.NewPropertyBag().Add("security-severity", r.severity).WithTags([]string{"security", "docker", "userns-remap"}))
}

// results are those of one image.
func results(r Report, opt SARIFOptions) []*sarif.Result {
	lines := r.Lines()
	var all []*sarif.Result
	for _, f := range r.Findings {
		for _, folder := range folders(f) {
			res := result(r, f, folder, place(r, f, lines, opt))
			switch {
			case r.Dockerfile != nil && f.lines(lines).Start == 0:
				*res.Message.Text += ". No line of the Dockerfile was found that made this."
			case r.Dockerfile == nil && opt.Instead != "":
				*res.Message.Text += ". Give --dockerfile to have the line that made this."
			}
			all = append(all, res)
		}
	}
	return all
}

// folders are those of a finding, and one without a name for the rest.
func folders(f Finding) []Folder {
	all, rest := slices.Clone(f.Folders), f.Count
	for _, folder := range all {
		rest -= folder.Count
	}
	if rest > 0 {
		all = append(all, Folder{Path: elsewhere, Count: rest})
	}
	return all
}

// elsewhere stands for the folders that are not told apart. No cleaned path is that.
const elsewhere = "."

func result(r Report, f Finding, folder Folder, at *sarif.Location) *sarif.Result {
	res := sarif.NewRuleResult(string(f.Rule)).
		WithLevel(string(f.Severity)).
		WithMessage(sarif.NewTextMessage(message(r, f, folder))).
		AddLocation(at).
		WithPartialFingerprints(map[string]string{"primaryLocationLineHash": fingerprint(r, f, folder) + ":1"})
	res.RuleIndex = slices.IndexFunc(ruleTexts, func(t ruleText) bool { return t.rule == f.Rule })
	return res
}

func message(r Report, f Finding, folder Folder) string {
	switch {
	case f.Rule == UnmappedUser, f.Rule == RefusedLayer && f.Layer == NoLayer:
		return escape.SARIF(fmt.Sprintf("%s: %s. Fix: %s", r.Image, f.Message, f.Fix))
	case f.Rule == RefusedLayer && f.Layer != NoLayer:
		return escape.SARIF(fmt.Sprintf("%s, layer %d of %d: %s. Fix: %s", r.Image, f.Layer+1, len(r.Layers), f.Message, f.Fix))
	}
	where := "/" + folder.Path
	switch {
	case f.Rule == UnmappedAccount:
		where = strings.Join(f.Paths, ", ")
	case folder.Path == elsewhere:
		where = "further folders"
	}
	said := fmt.Sprintf("%s, layer %d of %d: %s of %d:%d in %s.", r.Image, f.Layer+1, len(r.Layers), entries(folder.Count), f.UID, f.GID, where)
	if f.LaterLayer != Remains {
		said += fmt.Sprintf(" That a later layer has them %s does not help.", f.LaterLayer)
	}
	if f.Fix != "" {
		said += " Fix: " + f.Fix
	}
	return escape.SARIF(said)
}

// fingerprint holds what stays the same when an image is built again: digests and
// tags do not, and layer numbers move.
func fingerprint(r Report, f Finding, folder Folder) string {
	layer := fmt.Sprint(f.Layer)
	if f.Layer >= 0 && f.Layer < len(r.Layers) && r.Layers[f.Layer].Instruction != "" {
		layer = r.Layers[f.Layer].Instruction
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{repository(r.Image), r.Platform, layer, string(f.Rule), fmt.Sprint(f.UID, ":", f.GID), folder.Path}))
	return hex.EncodeToString(sum[:8])
}

// place is the line of the Dockerfile, or the first of another file, or the image's
// name as the path of one: code scanning wants a file.
func place(r Report, f Finding, lines []Lines, opt SARIFOptions) *sarif.Location {
	d := r.Dockerfile
	uri, at := artifact(cmp.Or(opt.Instead, repository(r.Image))), Lines{1, 1}
	if d != nil {
		uri = artifact(d.Name)
		if found := f.lines(lines); found.Start > 0 {
			at = found
		}
	}
	return sarif.NewLocationWithPhysicalLocation(sarif.NewPhysicalLocation().
		WithArtifactLocation(sarif.NewArtifactLocation().WithURI(uri)).
		WithRegion(sarif.NewSimpleRegion(at.Start, at.End)))
}

// lines are where a finding comes from: the instruction of its layer, or the first
// that has to change.
func (f Finding) lines(layers []Lines) Lines {
	if f.Layer >= 0 && f.Layer < len(layers) && layers[f.Layer].Start > 0 {
		return layers[f.Layer]
	}
	for _, c := range f.Changes {
		if c.Start > 0 {
			return Lines{c.Start, c.End}
		}
	}
	return Lines{}
}

// artifact is a path as a relative URI that stays below its root.
func artifact(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+strings.ReplaceAll(name, `\`, "/")), "/")
	if name == "" {
		name = "image"
	}
	return (&url.URL{Path: escape.Line(name)}).String()
}

// repository is an image's name without tag and digest.
func repository(name string) string {
	name, _, _ = strings.Cut(name, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return name
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}
