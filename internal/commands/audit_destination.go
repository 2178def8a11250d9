package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/rewrite"
	"github.com/docker/cli/cli/command/formatter"
)

// destination opens the place that --rewrite names.
func (r *rewriting) destination(ctx context.Context) (rewrite.Destination, error) {
	to, err := parseDestination(r.opts.rewrite.to)
	if err != nil {
		return nil, err
	}
	if (to.Place == image.InDockerArchive || to.Place == image.InDaemon) && len(r.images) > 1 {
		return nil, fmt.Errorf("%s takes one platform, and the image has %d: choose one with --platform", to.Place, len(r.images))
	}
	switch to.Place {
	case image.InRegistry:
		tag, options, err := r.engine.registry().Push(ctx, to.At)
		if err != nil {
			return nil, err
		}
		return rewrite.Registry(tag, options...), nil
	case image.InDaemon:
		name, err := tagOf(to.At)
		if err != nil {
			return nil, err
		}
		engine, err := r.engine.connect(ctx)
		if err != nil {
			return nil, err
		}
		return rewrite.Daemon(ctx, engine, name), nil
	}
	name := r.name()
	if to.Name != "" {
		if name, err = tagOf(to.Name); err != nil {
			return nil, err
		}
	}
	return archives[to.Place](to.At, name)
}

// archives open the places that are files and folders.
var archives = map[image.Place]func(string, reference.NamedTagged) (rewrite.Destination, error){
	image.InDockerArchive: rewrite.DockerArchive, image.InOCIArchive: rewrite.OCIArchive, image.InOCIFolder: rewrite.OCIFolder,
}

// parseDestination reads where the new image goes.
func parseDestination(to string) (image.Ref, error) {
	if _, rest, ok := image.CutPlace(to); ok && strings.TrimSpace(rest) != "" {
		ref, err := image.Parse(to)
		_, file := archives[ref.Place]
		if err == nil && (file && ref.At != "" || ref.Place == image.InDaemon || ref.Place == image.InRegistry) {
			return ref, nil
		}
	}
	return image.Ref{}, fmt.Errorf("--rewrite %q: give docker-archive:FILE, oci-archive:FILE, oci:FOLDER, docker-daemon:NAME or docker://REF", to)
}

// tagOf is a name as docker takes it, with its tag.
func tagOf(name string) (reference.NamedTagged, error) {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not the name of an image: %w", name, err)
	}
	if _, ok := ref.(reference.Digested); ok {
		return nil, fmt.Errorf("%q has a digest: give a name with a tag", name)
	}
	return reference.TagNameOnly(ref).(reference.NamedTagged), nil
}

// name is the one that the image has in its place, nil for none: in an archive the first of
// its tags, otherwise what it was asked for by, unless that is its ID.
func (r *rewriting) name() reference.NamedTagged {
	img, from := r.images[0], r.opts.refs[0]
	for _, tag := range img.Tags {
		if name, err := tagOf(tag); err == nil && strings.Contains(tag, ":") {
			return name
		}
	}
	hex := strings.TrimPrefix(from.At, "sha256:")
	if from.Place != image.InRegistry && from.Place != image.InDaemon || strings.HasPrefix(img.ID, "sha256:"+hex) {
		return nil
	}
	name, err := tagOf(from.At)
	if err != nil {
		return nil // by a digest
	}
	return name
}

// validRewrite holds the flags of a new image to one another.
func (o auditOptions) validRewrite() error {
	if o.rewrite.to == "" {
		if len(o.rewrite.given) > 0 || o.rewrite.dryRun {
			return errors.New("--map and --dry-run are for --rewrite")
		}
		return nil
	}
	_, err := parseDestination(o.rewrite.to)
	switch {
	case err != nil:
		return err
	case o.all || o.imagesFrom != "" || len(o.images) != 1:
		return errors.New("--rewrite takes one IMAGE")
	case o.format != "" && o.format != formatter.TableFormatKey && o.format != formatter.JSONFormatKey:
		return fmt.Errorf("--format %q: with --rewrite, give table or json", o.format)
	}
	return nil
}

// readTwice refuses what comes by once: the image is audited first, and then read again.
func readTwice(r image.Ref) error {
	once := r.Place == image.OnStdin
	if r.Place != image.InDaemon && r.Place != image.InRegistry && !once {
		info, err := os.Stat(r.At)
		once = err == nil && !info.Mode().IsRegular() && !info.IsDir()
	}
	if once {
		return fmt.Errorf("--rewrite reads the image twice, and %s can be read once only: save it to a file first", r)
	}
	return nil
}
