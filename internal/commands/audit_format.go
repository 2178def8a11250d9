package commands

import (
	"io"
	"os"
	"path/filepath"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/cli/streams"
)

// auditWriter writes reports, as they come or when the last one is there.
type auditWriter interface {
	add(audit.Report) error
	end() error
}

func newAuditWriter(out *streams.Out, opts auditOptions, m auditedMap, asked *audit.Asked, dockerfile *audit.Dockerfile) (auditWriter, error) {
	switch opts.format {
	case "", formatter.TableFormatKey:
		return &auditTable{w: out, style: styleOf(out), idMap: m, asked: asked, dockerfile: dockerfile}, nil
	case formatter.JSONFormatKey:
		return auditJSON{out, m}, nil
	case formatSARIF:
		return &auditSARIF{w: out, dockerfile: dockerfile, version: opts.version}, nil
	}
	if opts.format == formatPatch {
		return &auditPatch{w: out, dockerfile: dockerfile}, nil
	}
	return newAuditTemplate(out, opts.format)
}

// reportJSON is a report with what the command knows of its ID map.
type reportJSON struct {
	audit.Report
	IDMapFrom string `json:"idMapFrom"` // flag, engine, root, subid or default
}

// auditJSON writes a line a report.
type auditJSON struct {
	w     io.Writer
	idMap auditedMap
}

func (a auditJSON) add(r audit.Report) error {
	return escape.JSON(a.w, reportJSON{r, a.idMap.From})
}

func (auditJSON) end() error { return nil }

// auditSARIF writes one log of all reports.
type auditSARIF struct {
	w          io.Writer
	reports    []audit.Report
	dockerfile *audit.Dockerfile
	version    string
}

func (a *auditSARIF) add(r audit.Report) error {
	a.reports = append(a.reports, r)
	return nil
}

func (a *auditSARIF) end() error {
	return audit.SARIF(a.w, a.reports, audit.SARIFOptions{Version: a.version, Dockerfile: a.dockerfile})
}

// auditPatch writes what to change in the Dockerfile, as a diff.
type auditPatch struct {
	w          io.Writer
	reports    []audit.Report
	dockerfile *audit.Dockerfile
}

func (a *auditPatch) add(r audit.Report) error {
	a.reports = append(a.reports, r)
	return nil
}

func (a *auditPatch) end() error {
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
