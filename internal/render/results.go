package render

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/cli/streams"
	"github.com/docker/cli/templates"
)

// Results writes what a check or a verification found.
func Results(out *streams.Out, r report.Report, format string, verbose bool) error {
	switch format {
	case "", formatter.TableFormatKey:
		t := resultTable{style: StyleOf(out), verbose: verbose}
		t.report(r)
		_, err := io.WriteString(out, t.b.String())
		return err
	case formatter.JSONFormatKey:
		return escape.JSON(out, r)
	}
	return ResultTemplate(out, r, format)
}

// ResultTemplate writes each result with a Go template, as docker's own commands do.
func ResultTemplate(w io.Writer, r report.Report, format string) error {
	tmpl, err := templates.Parse(format)
	if err != nil {
		return fmt.Errorf("reading --format: %w", err)
	}
	for _, one := range r.Results {
		if err := tmpl.Execute(w, newTemplateResult(one)); err != nil {
			return fmt.Errorf("writing %s with --format: %w", one.ID, err)
		}
		fmt.Fprintln(w)
	}
	return nil
}

// templateResult is what a template sees of a result: the fields that the JSON has, as
// text that can be printed, and for {{json .}} the values as they were found.
type templateResult struct {
	ID, Category, Title string
	Status              report.Status
	Message             string
	Fix                 []string
	Details             []report.Detail

	exact report.Result
}

func newTemplateResult(exact report.Result) templateResult {
	r := escape.Values(exact)
	return templateResult{r.ID, r.Category, r.Title, r.Status, r.Message, r.Fix, r.Details, exact}
}

// MarshalJSON is for {{json .}}.
func (t templateResult) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	err := escape.JSON(&b, t.exact)
	return b.Bytes(), err
}

// Changed says in a line that a result became another one, with the time at which that
// was seen. was is its status before, "" if it had none.
func Changed(out *streams.Out, at string, was report.Status, r report.Result) {
	if was == "" {
		was = "new"
	}
	t := resultTable{style: StyleOf(out)}
	fmt.Fprintf(out, "%s %s %s: %s, was %s: %s\n", at, t.sign(r.Status), r.ID, r.Status, was, escape.Line(r.Message))
	for _, d := range r.Details {
		fmt.Fprintf(out, "    - %s%s\n", escape.Line(d.Name), note(d.Note))
	}
}

// List writes what can be asked, a line each.
func List(w io.Writer, heading string, each func(line func(id, category, title string))) error {
	tw := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	fmt.Fprintf(tw, "%s\tCATEGORY\tPASSES IF\n", heading)
	each(func(id, category, title string) { fmt.Fprintf(tw, "%s\t%s\t%s\n", id, category, title) })
	return tw.Flush()
}
