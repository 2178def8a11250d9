package render

import (
	"io"
	"os"
	"path/filepath"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/cli/streams"
)

// AuditWriter writes reports, as they come or when the last one is there.
type AuditWriter interface {
	Add(audit.Report) error
	End() error
}

// Formats of reports, besides those of docker's formatter.
const (
	FormatSARIF = "sarif"
	FormatPatch = "patch"
)

// AuditOptions are what is written of reports besides them.
type AuditOptions struct {
	Format  string
	Version string // of this program
	Map     idmap.Map
	MapFrom string // where the map comes from, as JSON names it
	MapText string // the same for people
	Asked   *audit.Asked
	// Dockerfile is the one of the image, nil if none was given.
	Dockerfile *audit.Dockerfile
}

// NewAuditWriter gives the writer of a format, and an error if that is a template
// which cannot be parsed.
func NewAuditWriter(out *streams.Out, o AuditOptions) (AuditWriter, error) {
	switch o.Format {
	case "", formatter.TableFormatKey:
		return &auditTable{AuditOptions: o, w: out, style: StyleOf(out)}, nil
	case formatter.JSONFormatKey:
		return auditJSON{out, o.MapFrom}, nil
	case FormatSARIF:
		return &auditSARIF{w: out, dockerfile: o.Dockerfile, version: o.Version}, nil
	case FormatPatch:
		return &auditPatch{w: out, dockerfile: o.Dockerfile}, nil
	}
	return newAuditTemplate(out, o.Format)
}

// reportJSON is a report with what the command knows of its ID map.
type reportJSON struct {
	audit.Report
	IDMapFrom string `json:"idMapFrom"` // flag, engine, root, subid or default
}

// auditJSON writes a line a report.
type auditJSON struct {
	w       io.Writer
	mapFrom string
}

func (a auditJSON) Add(r audit.Report) error {
	return escape.JSON(a.w, reportJSON{r, a.mapFrom})
}

func (auditJSON) End() error { return nil }

// auditSARIF writes one log of all reports.
type auditSARIF struct {
	w          io.Writer
	reports    []audit.Report
	dockerfile *audit.Dockerfile
	version    string
}

func (a *auditSARIF) Add(r audit.Report) error {
	a.reports = append(a.reports, r)
	return nil
}

func (a *auditSARIF) End() error {
	return audit.SARIF(a.w, a.reports, audit.SARIFOptions{Version: a.version, Dockerfile: a.dockerfile})
}

// auditPatch writes what to change in the Dockerfile, as a diff.
type auditPatch struct {
	w          io.Writer
	reports    []audit.Report
	dockerfile *audit.Dockerfile
}

func (a *auditPatch) Add(r audit.Report) error {
	a.reports = append(a.reports, r)
	return nil
}

func (a *auditPatch) End() error {
	return audit.Patch(a.w, a.reports, a.dockerfile, fromHere(a.dockerfile.Name))
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
