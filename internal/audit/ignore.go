package audit

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An Ignore is a finding that somebody has looked at and accepted.
type Ignore struct {
	Rule   Rule   `yaml:"rule"`
	Path   string `yaml:"path"`   // a file, or a folder with all that is in it; "" for any
	Reason string `yaml:"reason"` // why, for whoever reads the file next
}

// maxIgnores is the most bytes of a list that are read.
const maxIgnores = 1 << 20

// ParseIgnores reads a list in YAML. Each needs a rule and a reason.
func ParseIgnores(r io.Reader) ([]Ignore, error) {
	var all []Ignore
	d := yaml.NewDecoder(io.LimitReader(r, maxIgnores))
	d.KnownFields(true)
	if err := d.Decode(&all); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for i := range all {
		switch n := &all[i]; {
		case !slices.ContainsFunc(ruleTexts, func(t ruleText) bool { return t.rule == n.Rule }):
			return nil, fmt.Errorf("entry %d: %q is no rule of a finding", i+1, n.Rule)
		case strings.TrimSpace(n.Reason) == "":
			return nil, fmt.Errorf("entry %d: it has no reason", i+1)
		case n.Path != "":
			path, _ := clean([]byte(n.Path))
			n.Path = string(path)
		}
	}
	return all, nil
}

// Ignore marks the findings that are accepted as a whole.
func (r *Report) Ignore(all []Ignore) {
	for i := range r.Findings {
		f := &r.Findings[i]
		if at := slices.IndexFunc(all, f.ignoredBy); at >= 0 {
			f.Ignored = all[at].Reason
		}
	}
}

func (f *Finding) ignoredBy(n Ignore) bool {
	if f.Rule != n.Rule {
		return false
	}
	within := func(name string) bool {
		return n.Path == "" || name == n.Path || strings.HasPrefix(name, n.Path+"/")
	}
	if n.Path == "" || f.Common != "" && within(f.Common) {
		return true
	}
	return int64(len(f.Paths)) == f.Count && !slices.ContainsFunc(f.Paths, func(p string) bool { return !within(p) })
}

// Worst is the severity of the worst that is not ignored, "" if there is nothing. An
// image that the engine refuses, or that cannot start, has an error, whether it was
// asked for or not.
func (r Report) Worst() (worst Severity) {
	if r.Verdict != Mappable && !r.accepted(UnmappedOwner) || !r.Startable && !r.accepted(UnmappedUser) && !r.accepted(RefusedLayer) {
		return Error
	}
	for _, f := range r.Findings {
		if f.Ignored == "" && (worst == "" || weight(string(f.Severity)) < weight(string(worst))) {
			worst = f.Severity
		}
	}
	return worst
}

// accepted reports whether there are findings of a rule, and all are ignored.
func (r Report) accepted(rule Rule) (accepted bool) {
	for _, f := range r.Findings {
		if f.Rule == rule {
			if f.Ignored == "" {
				return false
			}
			accepted = true
		}
	}
	return accepted
}

// Shown is the report without what is ignored, and how many findings that were.
func (r Report) Shown() (Report, int) {
	kept := slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Ignored != "" })
	ignored := len(r.Findings) - len(kept)
	r.Findings = kept
	return r, ignored
}
