package render

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/cli/streams"
)

// AuditWriter writes reports, as they come or after the last one. End is told
// how many images could not be read.
type AuditWriter interface {
	Add(audit.Report) error
	End(unread int) error
}

// Formats of reports, besides those of docker's formatter.
const (
	FormatSARIF  = "sarif"
	FormatPatch  = "patch"
	FormatGitHub = "github"
)

// AuditOptions are what is written of reports besides them.
type AuditOptions struct {
	Format  string
	Version string // of this program
	Map     idmap.Map
	MapFrom string // where the map comes from, as JSON names it
	Engine  string // the version of the engine, "" if it is not known
	MapText string // the same for people
	Asked   *audit.Asked
	// Dockerfile is the one of the image, nil if none was given.
	Dockerfile *audit.Dockerfile
	// Quiet writes the names of the images that are not well, and nothing else.
	Quiet bool
}

// NewAuditWriter gives the writer of a format, and an error if that is a template
// which cannot be parsed.
func NewAuditWriter(out *streams.Out, o AuditOptions) (AuditWriter, error) {
	if o.Quiet {
		return auditNames{out}, nil
	}
	switch o.Format {
	case "", formatter.TableFormatKey:
		return &auditTable{AuditOptions: o, w: out, style: StyleOf(out)}, nil
	case formatter.JSONFormatKey:
		return auditJSON{out, o.MapFrom, o.Engine}, nil
	case FormatSARIF:
		return &auditAll{write: func(all []audit.Report) error {
			return audit.SARIF(out, all, audit.SARIFOptions{Version: o.Version, Instead: shownInstead()})
		}}, nil
	case FormatGitHub:
		return &auditAll{write: func(all []audit.Report) error { return audit.GitHub(out, all) }}, nil
	case FormatPatch:
		return &auditAll{write: func(all []audit.Report) error {
			return audit.Patch(out, all, o.Dockerfile, fromHere(o.Dockerfile.Name))
		}}, nil
	}
	return newAuditTemplate(out, o)
}

// auditNames writes the name of each image that a remapped engine refuses, or that
// cannot start.
type auditNames struct{ w io.Writer }

func (a auditNames) Add(r audit.Report) error {
	if r.Worst() != audit.Error {
		return nil
	}
	_, err := fmt.Fprintln(a.w, escape.Line(cmp.Or(r.Image, r.ID)))
	return err
}

func (auditNames) End(int) error { return nil }

// ReportObject is a report with what the command knows of its ID map.
type ReportObject struct {
	audit.Report
	IDMapFrom string `json:"idMapFrom"` // flag, engine, root, subid or default
	// EngineVersion is that of the engine that the image is for.
	EngineVersion string `json:"engineVersion,omitempty"`
}

// auditJSON writes a line a report.
type auditJSON struct {
	w       io.Writer
	mapFrom string
	engine  string
}

func (a auditJSON) Add(r audit.Report) error {
	return escape.JSON(a.w, ReportObject{r, a.mapFrom, a.engine})
}

func (auditJSON) End(int) error { return nil }

// auditAll writes all reports at once, without what is ignored.
type auditAll struct {
	write   func([]audit.Report) error
	reports []audit.Report
}

func (a *auditAll) Add(r audit.Report) error {
	r, _ = r.Shown()
	a.reports = append(a.reports, r)
	return nil
}

func (a *auditAll) End(int) error { return a.write(a.reports) }

// shownInstead is a file of the working directory that findings can point to if their
// Dockerfile was not given: code scanning shows none whose file is not in the
// repository. "" if there is none.
func shownInstead() string {
	for _, name := range []string{"Dockerfile", "Containerfile", "compose.yaml", "docker-compose.yml", "README.md"} {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
			return name
		}
	}
	return ""
}

// fromHere is a path as it is from the working directory, if it is in there: that
// is how git apply looks for it.
func fromHere(name string) string {
	if abs, err := filepath.Abs(name); err == nil {
		if here, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(here, abs); err == nil && filepath.IsLocal(rel) {
				name = rel
			}
		}
	}
	return filepath.ToSlash(name)
}
