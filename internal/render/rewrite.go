package render

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker/cli/cli/command/formatter"
	"github.com/docker/cli/cli/streams"
)

// Rewriting is what audit-image --rewrite did for one platform, or would do. Its JSON is a
// contract: keys are never renamed.
type Rewriting struct {
	SchemaVersion int              `json:"schemaVersion"` // 1
	Image         string           `json:"image"`
	Platform      string           `json:"platform"`
	Destination   string           `json:"destination"`
	DryRun        bool             `json:"dryRun"`
	ID            string           `json:"id"`
	NewID         string           `json:"newID,omitempty"`     // of the configuration, if the image was written
	NewDigest     string           `json:"newDigest,omitempty"` // of the manifest, likewise
	User          string           `json:"user"`
	NewUser       string           `json:"newUser"`
	IDs           []RewrittenID    `json:"ids"`
	Layers        []RewrittenLayer `json:"layers"`
	// Env are variables that still have the old number of an ID.
	Env []string `json:"env,omitempty"`
	// Unread are layers whose accounts are unknown, and why.
	Unread []string `json:"unread,omitempty"`
}

// RewrittenID is an ID that becomes another one.
type RewrittenID struct {
	Kind    string `json:"kind"` // uid, gid, or others for those of owners that are too many to be told apart
	From    int64  `json:"from"`
	To      int64  `json:"to"`
	Account string `json:"account"` // "" for nobody's
	Entries int64  `json:"entries"`
}

// RewrittenLayer is a layer of the original.
type RewrittenLayer struct {
	Index     int    `json:"index"`
	DiffID    string `json:"diffID"`
	NewDiffID string `json:"newDiffID,omitempty"` // if the image was written
	Changed   bool   `json:"changed"`
}

// RewrittenIDs are the moves of a plan.
func RewrittenIDs(moves []audit.Move) []RewrittenID {
	all := []RewrittenID{}
	for _, m := range moves {
		kind := "uid"
		switch {
		case m.Others:
			kind = "others"
		case m.Group:
			kind = "gid"
		}
		all = append(all, RewrittenID{kind, m.From, m.To, m.Account, m.Entries})
	}
	return all
}

// Rewritings writes what was done, as a table or as JSON, an object a line.
func Rewritings(out *streams.Out, all []Rewriting, format string) error {
	var b strings.Builder
	for _, r := range all {
		if format == formatter.JSONFormatKey {
			if err := escape.JSON(out, r); err != nil {
				return err
			}
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		r.table(&b)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (r Rewriting) table(w io.Writer) {
	var changed []string
	for _, l := range r.Layers {
		if l.Changed {
			changed = append(changed, fmt.Sprint(l.Index+1))
		}
	}
	tw := tabwriter.NewWriter(w, 10, 1, 3, ' ', 0)
	fmt.Fprintln(tw, "IMAGE\tPLATFORM\tLAYERS\tCHANGED\tNEW ID")
	fmt.Fprintf(tw, "%s\t%s\t%d\t%d\t%s\n", escape.Line(r.Image), escape.Line(r.Platform), len(r.Layers), len(changed), escape.Line(formatter.TruncateID(r.NewID)))
	_ = tw.Flush()
	if len(r.IDs) > 0 {
		fmt.Fprintln(w)
		fmt.Fprintln(tw, "ID\tBECOMES\tACCOUNT\tENTRIES")
		for _, id := range r.IDs {
			fmt.Fprintf(tw, "%s\t%d\t%s\t%d\n", id.name(), id.To, escape.Line(id.Account), id.Entries)
		}
		_ = tw.Flush()
	}
	fmt.Fprintln(w)
	if r.User != r.NewUser {
		fmt.Fprintf(w, "USER %s becomes %s.\n", escape.Line(r.User), escape.Line(r.NewUser))
	}
	for _, v := range r.Env {
		fmt.Fprintf(w, "ENV %s stays. If it is an ID, give containers the new one with --env.\n", escape.Line(v))
	}
	for _, u := range r.Unread {
		fmt.Fprintf(w, "The accounts of %s. Files of theirs become root's, unless --map says otherwise.\n", escape.Line(u))
	}
	switch {
	case len(changed) > 0 && len(changed) == len(r.Layers):
		fmt.Fprintln(w, "Every layer changes.")
	case len(changed) > 0:
		fmt.Fprintf(w, "These layers change: %s. The others keep their bytes and digests.\n", strings.Join(changed, ", "))
	case r.User == r.NewUser:
		fmt.Fprintln(w, "Nothing has to change: the engine takes every owner.")
	}
	if r.DryRun {
		fmt.Fprintln(w, "Nothing was written (--dry-run).")
		return
	}
	fmt.Fprintf(w, "Written to %s. Attestations and signatures of the original are not copied, since they are for its digest.\n", escape.Line(r.Destination))
}

func (id RewrittenID) name() string {
	if id.Kind == "others" {
		return "others"
	}
	return fmt.Sprintf("%s %d", strings.ToUpper(id.Kind), id.From)
}
