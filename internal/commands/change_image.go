package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/docker-userns/docker-userns/internal/probe"
	"github.com/docker-userns/docker-userns/internal/remap"
)

// Rehearse starts a container with which remap will be proven, before anything
// is changed: what does not work now proves nothing afterwards. Who turns remap
// off may do so since nothing starts any more. An image that was named is kept at
// hand, since the other data root lacks it.
func (p *proof) Rehearse(ctx context.Context, plan remap.Plan) error {
	if plan.Verb == remap.Enable {
		started := &probe.Probe{API: p.engine, Host: p.host, Image: p.imageName, Map: plan.Before.Map}
		_, err := started.Start(ctx)
		if err := errors.Join(err, started.Close()); err != nil {
			return fmt.Errorf("starting a container as the proof will: %w", err)
		}
	}
	if p.imageName == "" {
		return nil
	}
	return p.image.save(ctx, p.engine, p.imageName)
}

// close removes the image that was kept.
func (p *proof) close() { p.image.drop() }

// savedImage is an image in a temporary file, which is gone with this process
// wherever an open file can be removed.
type savedImage struct {
	file *os.File // nil if there is none
	path string   // "" if nothing but the open file is left of it
}

func (s *savedImage) save(ctx context.Context, e *engine, name string) error {
	saved, err := e.ImageSave(ctx, []string{name})
	if err != nil {
		return fmt.Errorf("saving image %s: %w", name, err)
	}
	defer saved.Close()
	file, err := os.CreateTemp("", "docker-userns")
	if err != nil {
		return fmt.Errorf("saving image %s: %w", name, err)
	}
	s.file, s.path = file, file.Name()
	if os.Remove(file.Name()) == nil {
		s.path = ""
	}
	if _, err := io.Copy(file, saved); err != nil {
		s.drop()
		return fmt.Errorf("saving image %s to %s: %w", name, file.Name(), err)
	}
	return nil
}

func (s *savedImage) drop() {
	if s.file != nil {
		_ = s.file.Close()
		if s.path != "" { // otherwise the name may be somebody else's by now
			_ = os.Remove(s.path)
		}
	}
}

// load loads the image into the engine as it is now.
func (s *savedImage) load(ctx context.Context, e *engine) error {
	if s.file == nil {
		return nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	loaded, err := e.ImageLoad(ctx, s.file)
	if err != nil {
		return fmt.Errorf("loading the image to prove with: %w", err)
	}
	defer loaded.Body.Close()
	_, err = io.Copy(io.Discard, loaded.Body)
	return err
}
