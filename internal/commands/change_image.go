package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/docker-userns/docker-userns/internal/remap"
	"github.com/docker-userns/docker-userns/internal/verify"
)

// rehearse starts a container with which remap will be proven, before anything
// is changed: what does not work now proves nothing afterwards. Who turns remap
// off may do so since nothing starts any more. An image that was named is kept at
// hand, since the other data root lacks it.
func (c *change) rehearse(ctx context.Context, o proofOptions) error {
	if c.plan.Verb == remap.Enable {
		if err := c.rehearseStart(ctx, o); err != nil {
			return err
		}
	}
	if o.image == "" {
		return nil
	}
	return c.keepImage(ctx, o.image)
}

func (c *change) rehearseStart(ctx context.Context, o proofOptions) error {
	p := &verify.Probe{API: c.engine, Host: c.host, Image: o.image, Map: c.plan.Before.Map}
	_, err := p.Start(ctx)
	if err := errors.Join(err, p.Close()); err != nil {
		return fmt.Errorf("starting a container as the proof will: %w", err)
	}
	return nil
}

// keepImage writes an image to a temporary file, which is gone with this process
// wherever an open file can be removed.
func (c *change) keepImage(ctx context.Context, name string) error {
	saved, err := c.ImageSave(ctx, []string{name})
	if err != nil {
		return fmt.Errorf("saving image %s: %w", name, err)
	}
	defer saved.Close()
	file, err := os.CreateTemp("", "docker-userns")
	if err != nil {
		return fmt.Errorf("saving image %s: %w", name, err)
	}
	c.image, c.imageName = file, file.Name()
	if os.Remove(file.Name()) == nil {
		c.imageName = ""
	}
	if _, err := io.Copy(file, saved); err != nil {
		c.dropImage()
		return fmt.Errorf("saving image %s to %s: %w", name, file.Name(), err)
	}
	return nil
}

func (c *change) dropImage() {
	if c.image != nil {
		_ = c.image.Close()
		if c.imageName != "" { // otherwise the name may be somebody else's by now
			_ = os.Remove(c.imageName)
		}
	}
}

// bringImage loads the image that was kept into the engine as it is now.
func (c *change) bringImage(ctx context.Context) error {
	if c.image == nil {
		return nil
	}
	if _, err := c.image.Seek(0, io.SeekStart); err != nil {
		return err
	}
	loaded, err := c.ImageLoad(ctx, c.image)
	if err != nil {
		return fmt.Errorf("loading the image to prove with: %w", err)
	}
	defer loaded.Body.Close()
	_, err = io.Copy(io.Discard, loaded.Body)
	return err
}
