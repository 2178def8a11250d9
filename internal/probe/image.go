package probe

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
)

// ErrImage: this program cannot run in a container of the engine, so that
// a probe needs an image of the engine's.
var ErrImage = errors.New("this program cannot run on the engine; with --image, name an image of the engine that has a sh")

// Name is the name of the program in the image of a probe. A program that is
// started under it calls [Main] and nothing else.
const Name = "docker-userns-probe"

// Where things are in a container of a probe.
const (
	programDir  = "/docker-userns"
	programPath = programDir + "/" + Name
	volumeDir   = programDir + "/volume"
	bindDir     = programDir + "/bind"
)

// prepare removes what was left behind, and imports the image, once.
func (p *Probe) prepare(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ready {
		return nil
	}
	p.sweep(ctx)
	if p.Image == "" {
		if err := p.importImage(ctx); err != nil {
			return err
		}
	}
	p.ready = true
	return nil
}

// imageName is what containers are made of.
func (p *Probe) imageName() string {
	if p.Image != "" {
		return p.Image
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.image
}

// importAgain is for an image that somebody has removed meanwhile.
func (p *Probe) importAgain(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.importImage(ctx)
}

// importImage makes an image of this program.
func (p *Probe) importImage(ctx context.Context) error {
	if err := p.checkPlatform(ctx); err != nil {
		return err
	}
	program, size, err := openProgram(p.Program)
	if err != nil {
		return err
	}
	defer program.Close()
	p.image = newName(":")
	body := tarOf(ctx, program, size)
	defer body.Close()
	longer, cancel := lasting(ctx) // the sending ends with ctx, an answer is waited for
	defer cancel()
	answer, err := p.API.ImageImport(longer, image.ImportSource{Source: body, SourceName: "-"}, p.image,
		image.ImportOptions{Message: "probe of docker userns", Changes: []string{fmt.Sprintf("LABEL %s=%q", Label, labelFor(p.image))}})
	if err == nil {
		defer answer.Close()
		err = importAnswer(answer)
	}
	if err != nil {
		_ = p.removeImage()
		return fmt.Errorf("importing the image of the probe: %w", err)
	}
	return nil
}

// checkPlatform compares this program with the engine: GET /version gives Os and
// Arch as Go names them.
func (p *Probe) checkPlatform(ctx context.Context) error {
	v, err := p.API.ServerVersion(ctx)
	if err != nil {
		return fmt.Errorf("asking the engine for its platform: %w", err)
	}
	return samePlatform(v.Os, v.Arch)
}

// importAnswer reads the messages of POST /images/create, the last of which may
// be an error.
func importAnswer(answer io.Reader) error {
	messages := json.NewDecoder(io.LimitReader(answer, maxText))
	for {
		var m struct{ Error string }
		switch err := messages.Decode(&m); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case m.Error != "":
			return errors.New(m.Error)
		}
	}
}

// removeImage removes what was imported, unless a container still needs it.
func (p *Probe) removeImage() error {
	if p.image == "" {
		return nil
	}
	ctx, cancel := p.cleaning()
	defer cancel()
	_, err := p.API.ImageRemove(ctx, p.image, image.RemoveOptions{PruneChildren: true})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("removing the image of the probe, %s, which is no longer needed: %w", p.image, err)
	}
	p.image = ""
	return nil
}

// token is a name that nobody else gives.
func token() string {
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails, crypto/rand
	return hex.EncodeToString(b)
}
