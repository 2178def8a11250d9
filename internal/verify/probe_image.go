package verify

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/klauspost/compress/gzip"
)

// ErrProbeImage: this program cannot run in a container of the engine, so that
// a probe needs an image of the engine's.
var ErrProbeImage = errors.New("this program cannot run on the engine; name an image that the engine has and that holds a sh with --image")

// Where things are in a container of a probe.
const (
	probeDir    = "/docker-userns"
	probeName   = "docker-userns-probe"
	probePath   = probeDir + "/" + probeName
	probeVolume = probeDir + "/volume"
	probeBind   = probeDir + "/bind"
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
	program, size, err := openProgram(p.program)
	if err != nil {
		return err
	}
	defer program.Close()
	p.image = probeName + ":" + token()
	body := tarOf(ctx, program, size)
	defer body.Close()
	longer, cancel := lasting(ctx) // the sending ends with ctx, an answer is waited for
	defer cancel()
	answer, err := p.API.ImageImport(longer, image.ImportSource{Source: body, SourceName: "-"}, p.image,
		image.ImportOptions{Message: "probe of docker userns", Changes: []string{fmt.Sprintf("LABEL %s=%q", ProbeLabel, probeOwner())}})
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

// checkPlatform holds this program against the engine: GET /version gives Os and
// Arch as Go names them.
func (p *Probe) checkPlatform(ctx context.Context) error {
	v, err := p.API.ServerVersion(ctx)
	if err != nil {
		return fmt.Errorf("asking the engine for its platform: %w", err)
	}
	return samePlatform(v.Os, v.Arch)
}

// tarOf is a compressed tar with the program in it.
func tarOf(ctx context.Context, program io.Reader, size int64) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		zip, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		archive := tar.NewWriter(zip)
		err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: probeDir[1:] + "/", Mode: 0o755})
		if err == nil {
			err = archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: probePath[1:], Mode: 0o755, Size: size})
		}
		if err == nil {
			_, err = io.Copy(archive, reading{ctx, program})
		}
		w.CloseWithError(errors.Join(err, archive.Close(), zip.Close()))
	}()
	return r
}

// reading ends with its context.
type reading struct {
	ctx context.Context
	io.Reader
}

func (r reading) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// importAnswer reads the messages of POST /images/create, the last of which may
// be an error.
func importAnswer(answer io.Reader) error {
	messages := json.NewDecoder(io.LimitReader(answer, probeMaxText))
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
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
	defer cancel()
	_, err := p.API.ImageRemove(ctx, p.image, image.RemoveOptions{PruneChildren: true})
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("removing the image of the probe (docker rmi %s): %w", p.image, err)
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
