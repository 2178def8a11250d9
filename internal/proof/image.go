package proof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/docker-userns/docker-userns/internal/remap"
)

// Rehearse starts a container with which remap will be proven, before anything
// is changed: what does not work now proves nothing afterwards. Who turns remap
// off may do so since nothing starts any more. An image that was named is kept at
// hand, since the other data root lacks it.
func (p *Proof) Rehearse(ctx context.Context, plan remap.Plan) error {
	if plan.Verb == remap.Enable {
		starts := p.newProbe(plan.Before)
		_, err := starts.Start(ctx)
		if err := errors.Join(err, starts.Close()); err != nil {
			return fmt.Errorf("starting a container, as the proof will: %w", err)
		}
	}
	if p.Image == "" {
		return nil
	}
	return p.saved.save(ctx, p.API, p.Image)
}

// Close removes the image that was kept.
func (p *Proof) Close() { p.saved.remove() }

// savedImage is an image in a temporary file, which is gone with this process
// wherever an open file can be removed.
type savedImage struct {
	file *os.File // nil if there is none
	path string   // "" if nothing but the open file is left of it
}

func (s *savedImage) save(ctx context.Context, api API, name string) error {
	saved, err := api.ImageSave(ctx, []string{name})
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
		s.remove()
		return fmt.Errorf("saving image %s to %s: %w", name, file.Name(), err)
	}
	return nil
}

func (s *savedImage) remove() {
	if s.file != nil {
		_ = s.file.Close()
		if s.path != "" { // otherwise the name may be somebody else's by now
			_ = os.Remove(s.path)
		}
	}
}

// load loads the image into the engine as it is now.
func (s *savedImage) load(ctx context.Context, api API) error {
	if s.file == nil {
		return nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	loaded, err := api.ImageLoad(ctx, s.file)
	if err != nil {
		return fmt.Errorf("loading the image to prove with: %w", err)
	}
	defer loaded.Body.Close()
	_, err = io.Copy(io.Discard, loaded.Body)
	return err
}
