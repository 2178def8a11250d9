package remap

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// acceptedFile, in the folder of the change that turned remap on, holds what an
// operator knows to be missing.
const acceptedFile = "accepted.json"

// accepted is what that file holds.
type accepted struct {
	SchemaVersion int             `json:"schemaVersion"`
	Things        []acceptedThing `json:"accepted"`
}

type acceptedThing struct {
	Kind verify.Kind `json:"kind"`
	Name string      `json:"name"`
	At   time.Time   `json:"at"`
}

func (a accepted) has(kind verify.Kind, name string) bool {
	return slices.ContainsFunc(a.Things, func(t acceptedThing) bool { return t.Kind == kind && t.Name == name })
}

// Recorded gives what the engine had before the change that turned remap on, with
// what was accepted as missing. It is nil if enable was not the last change that
// was kept, or there was none.
func Recorded(ctx context.Context, h host.Host) (*verify.Before, error) {
	past, err := records(ctx, h)
	if err != nil {
		return nil, err
	}
	enabled, ok := newest(past)
	if !ok || enabled.ID != lastKept(past) {
		return nil, nil
	}
	known, err := readAccepted(ctx, h, enabled.ID)
	if err != nil {
		return nil, err
	}
	return formerOf(enabled.Manifest, known), nil
}

func readAccepted(ctx context.Context, h host.Host, id string) (accepted, error) {
	file := path.Join(Folder, id, acceptedFile)
	a, err := h.Look(ctx, host.Questions{Files: []string{file}})
	if err != nil {
		return accepted{}, fmt.Errorf("reading what was accepted as missing: %w", err)
	}
	known := accepted{SchemaVersion: 1}
	body := a.Files[file]
	switch {
	case isMissing(body.Err):
		return known, nil
	case body.Err != nil:
		return known, fmt.Errorf("reading %s: %w", file, body.Err)
	}
	if err := json.Unmarshal(body.Data, &known); err != nil {
		return known, fmt.Errorf("reading %s: %w; remove it, and accept again what is missing", file, err)
	}
	return known, nil
}

// formerOf lists what a manifest recorded.
func formerOf(m Manifest, known accepted) *verify.Before {
	b := &verify.Before{Change: m.ID, DataRoot: m.After.DataRoot}
	add := func(t verify.Former) {
		t.Accepted = known.has(t.Kind, t.Name)
		b.Things = append(b.Things, t)
	}
	for _, c := range m.Before.Containers {
		add(verify.Former{Kind: verify.KindContainer, Name: c.Name, Ran: slices.Contains(m.Running, c.ID)})
	}
	for _, v := range m.Before.Volumes {
		add(verify.Former{Kind: verify.KindVolume, Name: v.Name, UsedBy: v.UsedBy})
	}
	for _, n := range m.Before.Networks {
		add(verify.Former{Kind: verify.KindNetwork, Name: n.Name})
	}
	for _, i := range m.Before.Images {
		for tag := range strings.SplitSeq(i.Name, ", ") {
			if tag != "" {
				add(verify.Former{Kind: verify.KindImage, Name: tag})
			}
		}
	}
	return b
}

// Accept remembers, in the folder of a change on its host, that things are known
// to be missing.
func Accept(ctx context.Context, h host.Host, change string, missing []verify.Former, now time.Time) error {
	if !idPattern.MatchString(change) {
		return fmt.Errorf("accepting what is missing: %q is not a change", change)
	}
	known, err := readAccepted(ctx, h, change)
	if err != nil {
		return err
	}
	known.SchemaVersion = 1
	for _, t := range missing {
		if !known.has(t.Kind, t.Name) {
			known.Things = append(known.Things, acceptedThing{t.Kind, t.Name, now.UTC()})
		}
	}
	text, _ := json.MarshalIndent(known, "", "  ") // of plain values it always succeeds
	file := host.File{Path: path.Join(Folder, change, acceptedFile), Data: append(text, '\n'), Mode: 0o600}
	if err := h.Replace(ctx, file); err != nil {
		return fmt.Errorf("writing %s: %w", file.Path, err)
	}
	return nil
}
