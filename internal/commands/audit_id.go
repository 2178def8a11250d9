package commands

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/audit"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker/cli/cli/command"
)

// onStdin stands for standard input.
const onStdin = string(image.OnStdin)

// maxExplained is how much of a log is read.
const maxExplained = 16 << 20

// asked is what --id or --explain look for, nil if they are not given. What the
// messages of --explain mean is said on standard error.
func (o auditOptions) asked(dockerCLI command.Streams, docker func(words ...string) string) (*audit.Asked, error) {
	switch {
	case o.id != "":
		id, err := strconv.ParseInt(o.id, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("--id %q: not a UID or GID; give a number, as in --id 1516583083", o.id)
		}
		return &audit.Asked{IDs: []int64{id}}, nil
	case o.explain != "":
		text := o.explain
		if text == onStdin {
			read, err := io.ReadAll(io.LimitReader(dockerCLI.In(), maxExplained))
			if err != nil {
				return nil, fmt.Errorf("--explain -: reading standard input: %w", err)
			}
			text = string(read)
		}
		all := audit.ExplainAll(text)
		if len(all) == 0 {
			return nil, errors.New("--explain: no engine's message about an ID is in this; give it whole, as in --explain 'container ID 1000000 cannot be mapped to a host ID', or a number, or a path")
		}
		said := explanation(all, len(o.images) == 0 && !o.all, docker)
		fmt.Fprint(dockerCLI.Err(), said)
		return audit.AskedBy(all), nil
	}
	return nil, nil
}

// explanation says what messages mean, each meaning once and, if nothing is audited,
// what to do next.
func explanation(all []audit.Explained, alone bool, docker func(words ...string) string) string {
	var said []string
	add := func(text string) {
		if text != "" && !slices.Contains(said, text) && len(said) < maxMeanings {
			said = append(said, text)
		}
	}
	for _, e := range all {
		add(meaning(e))
	}
	for _, e := range all {
		if !alone || e.Kind == audit.KindHost {
			continue
		}
		add("See where it is: " + docker(slices.Concat([]string{"userns", "audit-image"}, e.Words(), []string{"IMAGE"})...))
	}
	if len(said) == 0 {
		return ""
	}
	return strings.Join(said, "\n") + "\n"
}

// maxMeanings is how many of a log's messages are explained.
const maxMeanings = 20

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
		what := "an ID of the image"
		if ids := e.IDs(); len(ids) > 0 {
			what = fmt.Sprintf("ID %d", ids[0])
		}
		return fmt.Sprintf("The engine itself runs in a user namespace without %s: it is rootless, or it runs in a container (LXC,\nsysbox, Kubernetes), and this is not its userns-remap. The range that it was given must be larger, or the\nimage's owners smaller.", what)
	case audit.KindTar:
		return fmt.Sprintf("tar unpacked a file of %d:%d, which the container's user namespace does not have. --no-same-owner leaves\nthe files to the user that unpacks them.", e.ID, e.GID)
	case audit.KindPath:
		return "A file could not be given its owner, most likely because the user namespace does not have the owner's ID."
	}
	return ""
}
