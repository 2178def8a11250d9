package render

import (
	"io"
	"strconv"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker/cli/cli/command/formatter"
)

// auditTemplate writes a line a report with a template, as docker's own
// commands do. It begins with the template that the user gave.
type auditTemplate struct {
	w       io.Writer
	format  formatter.Format
	opt     AuditOptions
	reports []audit.Report
}

// newAuditTemplate refuses a template that cannot be parsed before any image is
// read.
func newAuditTemplate(w io.Writer, o AuditOptions) (*auditTemplate, error) {
	a := &auditTemplate{w: io.Discard, format: formatter.Format(o.Format), opt: o}
	if err := a.End(0); err != nil {
		return nil, err
	}
	a.w = w
	return a, nil
}

func (a *auditTemplate) Add(r audit.Report) error {
	r, _ = r.Shown()
	a.reports = append(a.reports, r)
	return nil
}

func (a *auditTemplate) End(int) error {
	ctx := formatter.Context{Output: a.w, Format: a.format}
	return ctx.Write(newReportContext(audit.Report{}, a.opt), func(format func(formatter.SubContext) error) error {
		for _, r := range a.reports {
			if err := format(newReportContext(r, a.opt)); err != nil {
				return err
			}
		}
		return nil
	})
}

// reportContext is what a template sees of a report: text that can be printed.
type reportContext struct {
	formatter.HeaderContext
	r     audit.Report
	exact audit.Report // as it was found
	opt   AuditOptions
}

func newReportContext(r audit.Report, o AuditOptions) *reportContext {
	c := reportContext{r: escape.Values(r), exact: r, opt: o}
	c.Header = formatter.SubHeaderContext{
		"Image": "IMAGE", "ID": "IMAGE ID", "Source": "SOURCE", "Platform": "PLATFORM", "Verdict": "VERDICT",
		"Startable": "STARTABLE", "Layers": "LAYERS", "Entries": "ENTRIES", "Unmapped": "UNMAPPED",
		"RequiredUID": "REQUIRED UIDS", "RequiredGID": "REQUIRED GIDS", "Findings": "FINDINGS",
		"SchemaVersion": "SCHEMA VERSION", "IDMap": "ID MAP", "IDMapFrom": "ID MAP FROM", "EngineVersion": "ENGINE VERSION", "Required": "REQUIRED",
		"Names": "NAMES", "ConfigDigest": "CONFIG DIGEST",
	}
	return &c
}

// MarshalJSON is for {{json .}}, which has the values as they were found.
func (c *reportContext) MarshalJSON() ([]byte, error) {
	text, err := formatter.MarshalJSON(&reportContext{r: c.exact, opt: c.opt})
	if err != nil {
		return nil, err
	}
	return escape.JSONText(text), nil
}

// SchemaVersion is that of the JSON.
func (c *reportContext) SchemaVersion() int { return c.r.SchemaVersion }

// IDMap is the map that the image was audited for.
func (c *reportContext) IDMap() idmap.Map { return c.r.IDMap }

// IDMapFrom says where the map comes from, as the JSON does.
func (c *reportContext) IDMapFrom() string { return c.opt.MapFrom }

// EngineVersion is the version of the engine that the image was audited for, as the JSON has it.
func (c *reportContext) EngineVersion() string { return escape.Line(c.opt.Engine) }

// Required are the smallest sizes of maps that take the image.
func (c *reportContext) Required() audit.Required { return c.r.Required }

// Image is the image's name.
func (c *reportContext) Image() string { return c.r.Image }

// Names are all names of an image that has several.
func (c *reportContext) Names() []string { return c.r.Names }

// ConfigDigest is the digest of the image's configuration.
func (c *reportContext) ConfigDigest() string { return c.r.ConfigDigest }

// ID is the image's ID, a digest.
func (c *reportContext) ID() string { return c.r.ID }

// Source says where the layers were read.
func (c *reportContext) Source() string { return c.r.Source }

// Platform is the image's platform.
func (c *reportContext) Platform() string { return c.r.Platform }

// Verdict is mappable or unmappable.
func (c *reportContext) Verdict() string { return string(c.r.Verdict) }

// Startable reports whether a container can run as the image's USER.
func (c *reportContext) Startable() bool { return c.r.Startable }

// Layers are the layers of the image, lowest first.
func (c *reportContext) Layers() []audit.Layer { return c.r.Layers }

// Findings are what is wrong with the image.
func (c *reportContext) Findings() []audit.Finding { return c.r.Findings }

// Entries is the number of headers in all layers.
func (c *reportContext) Entries() string { return strconv.FormatInt(total(c.r).entries, 10) }

// Unmapped is the number of headers that the engine refuses.
func (c *reportContext) Unmapped() string { return strconv.FormatInt(total(c.r).unmapped, 10) }

// RequiredUID is the smallest size of a UID map that takes the image.
func (c *reportContext) RequiredUID() string { return strconv.FormatInt(c.r.Required.UID, 10) }

// RequiredGID is the smallest size of a GID map that takes the image.
func (c *reportContext) RequiredGID() string { return strconv.FormatInt(c.r.Required.GID, 10) }

type totals struct{ entries, unmapped int64 }

func total(r audit.Report) (t totals) {
	for _, l := range r.Layers {
		t.entries += l.Entries
		t.unmapped += l.Unmapped
	}
	return t
}
