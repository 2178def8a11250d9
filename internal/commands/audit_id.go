package commands

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/docker-userns/docker-userns/internal/audit"
)

// wantedID is the ID that --id or --explain ask for, nil where they do not. What
// the message of --explain means is said on w.
func (o auditOptions) wantedID(w io.Writer, docker func(words ...string) string) (*int64, error) {
	switch {
	case o.id != "":
		id, err := strconv.ParseInt(o.id, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("--id %q: not a UID or GID; give a number, as in --id 1516583083", o.id)
		}
		return &id, nil
	case o.explain != "":
		e, ok := audit.Explain(o.explain)
		if !ok {
			return nil, errors.New("--explain: this is not an engine's message about an ID; give it whole, as in --explain 'container ID 1000000 cannot be mapped to a host ID'")
		}
		fmt.Fprintln(w, explanation(e, len(o.images) == 0 && !o.all, docker))
		if !e.HasID {
			return nil, nil
		}
		return &e.ID, nil
	}
	return nil, nil
}

// explanation says what the engine meant and, where nothing is audited, what to
// do next.
func explanation(e audit.Explained, alone bool, docker func(words ...string) string) string {
	said := meaning(e)
	switch {
	case !alone || e.Kind == audit.KindHost || e.Kind == audit.KindRootless:
	case e.HasID:
		said += "\nSee where it is: " + docker("userns", "audit-image", "--id", strconv.FormatInt(e.ID, 10), "IMAGE")
	default:
		said += "\nSee where it is: " + docker("userns", "audit-image", "IMAGE")
	}
	return said
}

func meaning(e audit.Explained) string {
	switch e.Kind {
	case audit.KindLayer:
		if !e.HasID {
			return "The engine met a file whose UID or GID its ID map does not have."
		}
		return fmt.Sprintf("The engine met a file of UID or GID %d, which its ID map does not have.", e.ID)
	case audit.KindUser, audit.KindGroup:
		return "The container was to run as a user or group that the engine's ID map does not have: the USER of the\nimage, or --user or --group-add of the command."
	case audit.KindHost:
		return fmt.Sprintf("A file on the host belongs to %d, which is no ID of a container under the engine's map. The engine\nleaves such files out of a commit, an export or a build, and says so only in its log.", e.ID)
	case audit.KindRootless:
		return fmt.Sprintf("The daemon itself runs in a user namespace without ID %d: this is a rootless engine, not userns-remap.\nIts range in /etc/subuid and /etc/subgid has to be larger, or the image's owners smaller.", e.ID)
	}
	return ""
}
