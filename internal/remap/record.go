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
	"github.com/docker-userns/docker-userns/internal/survey"
	"github.com/docker/go-units"
)

// acceptedFile, in the folder of the change that turned remap on, holds what an
// operator knows to be missing.
const acceptedFile = "accepted.json"

// accepted is what that file holds.
type accepted struct {
	SchemaVersion int              `json:"schemaVersion"`
	Objects       []acceptedObject `json:"accepted"`
}

type acceptedObject struct {
	Kind survey.ObjectKind `json:"kind"`
	Name string            `json:"name"`
	At   time.Time         `json:"at"`
}

func (a accepted) has(kind survey.ObjectKind, name string) bool {
	return slices.ContainsFunc(a.Objects, func(o acceptedObject) bool { return o.Kind == kind && o.Name == name })
}

// ReadRecord gives what the engine had before the change that turned remap on, with
// what was accepted as missing. It is nil if enable was not the last change that
// was kept, or there was none.
func ReadRecord(ctx context.Context, h host.Host) (*survey.Record, error) {
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
	return recordOf(enabled.Manifest, known), nil
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
	case body.Truncated:
		return known, fmt.Errorf("reading %s: %w; remove it, and accept again what is missing", file, errTooLarge)
	}
	if err := json.Unmarshal(body.Data, &known); err != nil {
		return known, fmt.Errorf("reading %s: %w; remove it, and accept again what is missing", file, err)
	}
	return known, nil
}

// recordOf lists what a manifest recorded.
func recordOf(m Manifest, known accepted) *survey.Record {
	r := &survey.Record{Change: m.ID, DataRoot: m.After.DataRoot}
	add := func(o survey.RecordedObject) {
		o.Accepted = known.has(o.Kind, o.Name)
		r.Objects = append(r.Objects, o)
	}
	for _, c := range m.Before.Containers {
		add(survey.RecordedObject{Kind: survey.KindContainer, Name: c.Name, Ran: slices.Contains(m.Running, c.ID)})
	}
	for _, v := range m.Before.Volumes {
		add(survey.RecordedObject{Kind: survey.KindVolume, Name: v.Name, UsedBy: v.UsedBy})
	}
	for _, n := range m.Before.Networks {
		add(survey.RecordedObject{Kind: survey.KindNetwork, Name: n.Name})
	}
	for _, i := range m.Before.Images {
		for tag := range strings.SplitSeq(i.Name, ", ") {
			if tag != "" {
				add(survey.RecordedObject{Kind: survey.KindImage, Name: tag})
			}
		}
	}
	return r
}

// Accept remembers, in the folder of a change on its host, that objects are known
// to be missing.
func Accept(ctx context.Context, h host.Host, change string, missing []survey.RecordedObject, now time.Time) error {
	if !idPattern.MatchString(change) {
		return fmt.Errorf("accepting what is missing: %q is not a change", change)
	}
	known, err := readAccepted(ctx, h, change)
	if err != nil {
		return err
	}
	known.SchemaVersion = 1
	for _, o := range missing {
		if !known.has(o.Kind, o.Name) {
			known.Objects = append(known.Objects, acceptedObject{o.Kind, o.Name, now.UTC()})
		}
	}
	file, err := acceptedAs(known, path.Join(Folder, change, acceptedFile))
	if err != nil {
		return err
	}
	if err := h.Replace(ctx, file); err != nil {
		return fmt.Errorf("writing %s: %w", file.Path, err)
	}
	return nil
}

// acceptedAs is the file at a path that holds what is accepted. One that could not be
// read again is an error.
func acceptedAs(known accepted, at string) (host.File, error) {
	text, _ := json.MarshalIndent(known, "", "  ") // of plain values it always succeeds
	if len(text) >= host.MaxFile {
		return host.File{}, fmt.Errorf("accepting what is missing: the list of it takes %s, and %s are read of %s at most; recreate what is needed, and accept the rest", units.BytesSize(float64(len(text))), units.BytesSize(host.MaxFile), at)
	}
	return host.File{Path: at, Data: append(text, '\n'), Mode: 0o600}, nil
}
