package audit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerfile"
	"github.com/docker-userns/docker-userns/internal/image"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Bounds on the Dockerfile of a provenance, whose text is not to be trusted. Beyond them it
// is as if there were none.
const (
	maxProvenFile   = 256 << 10 // bytes
	maxProvenStages = 100
	maxProvenSteps  = 2000 // instructions
)

// statement is what is read of BuildKit's provenance of mode=max (its
// docs/attestations/slsa-definitions.md). What is unknown, or of mode=min, has nothing here.
type statement struct {
	Predicate struct {
		// As of SLSA v0.2.
		Invocation struct {
			Parameters buildRequest `json:"parameters"`
		} `json:"invocation"`
		Metadata struct {
			BuildKit buildMetadata `json:"https://mobyproject.org/buildkit@v1#metadata"`
		} `json:"metadata"`
		// As of SLSA v1.
		BuildDefinition struct {
			ExternalParameters struct {
				Request buildRequest `json:"request"`
			} `json:"externalParameters"`
		} `json:"buildDefinition"`
		RunDetails struct {
			Metadata struct {
				BuildKit buildMetadata `json:"buildkit_metadata"`
			} `json:"metadata"`
		} `json:"runDetails"`
	} `json:"predicate"`
}

type buildRequest struct {
	Args map[string]string `json:"args"`
}

type buildMetadata struct {
	VCS    map[string]string `json:"vcs"`
	Source struct {
		Locations map[string]struct {
			Locations []struct {
				SourceIndex int `json:"sourceIndex"`
				Ranges      []struct {
					Start struct {
						Line int `json:"line"`
					} `json:"start"`
				} `json:"ranges"`
			} `json:"locations"`
		} `json:"locations"` // by step, such as "step3"
		Infos []struct {
			Filename string `json:"filename"`
			Language string `json:"language"`
			Data     []byte `json:"data"`
		} `json:"infos"`
	} `json:"source"`
	// Layers are those up to the result of a step, such as "step3:0", lowest first; more
	// than once if they are stored in several ways.
	Layers map[string][][]ocispec.Descriptor `json:"layers"`
}

// proven is the Dockerfile that the provenance of an image holds, nil if it holds none. It
// says of layers, by their digests, which instruction made them.
func proven(img image.Image) *Dockerfile {
	var s statement
	if len(img.Provenance) == 0 || json.Unmarshal(img.Provenance, &s) != nil {
		return nil
	}
	meta, request := &s.Predicate.RunDetails.Metadata.BuildKit, s.Predicate.BuildDefinition.ExternalParameters.Request
	if len(meta.Source.Infos) == 0 {
		meta, request = &s.Predicate.Metadata.BuildKit, s.Predicate.Invocation.Parameters
	}
	source := meta.dockerfile()
	if source < 0 {
		return nil
	}
	info := meta.Source.Infos[source]
	d, err := ParseDockerfile(path.Join(meta.VCS["localdir:dockerfile"], cmp.Or(info.Filename, "Dockerfile")), bytes.NewReader(info.Data))
	if err != nil || len(d.file.Stages) == 0 || len(d.file.Stages) > maxProvenStages || d.file.Count() > maxProvenSteps {
		return nil
	}
	d.made, d.args, d.target = meta.made(source, d.file), map[string]string{}, request.Args["target"]
	for name, value := range request.Args {
		if arg, ok := strings.CutPrefix(name, "build-arg:"); ok {
			d.args[arg] = value
		}
	}
	if !slices.ContainsFunc(img.Layers, func(l image.Layer) bool { return d.made[l.Digest] != nil }) {
		return nil // it is of another image, or compressed otherwise
	}
	return d
}

// dockerfile is the place of the Dockerfile among the sources, -1 if there is none, or
// one that is too large.
func (m *buildMetadata) dockerfile() int {
	for i, info := range m.Source.Infos {
		if (info.Language == "Dockerfile" || info.Language == "") && len(info.Data) > 0 && len(info.Data) <= maxProvenFile {
			return i
		}
	}
	return -1
}

// made are the instructions that made layers. A step that made none has the layers of the one
// before it, so the first step counts.
func (m *buildMetadata) made(source int, f *dockerfile.File) map[string]*dockerfile.Instruction {
	type result struct{ step, line int }
	first := map[string]result{}
	for name, chains := range m.Layers {
		step, _, _ := strings.Cut(name, ":")
		line := m.line(step, source)
		n, err := strconv.Atoi(strings.TrimPrefix(step, "step"))
		if err != nil || line == 0 {
			continue
		}
		for _, chain := range chains {
			if len(chain) == 0 {
				continue
			}
			top := chain[len(chain)-1].Digest.String()
			if known, ok := first[top]; !ok || n < known.step {
				first[top] = result{n, line}
			}
		}
	}
	at := map[string]*dockerfile.Instruction{}
	for layer, r := range first {
		if in := f.On(r.line); in != nil {
			at[layer] = in
		}
	}
	return at
}

// line is the first line of a step in one of the sources, 0 if it is not known.
func (m *buildMetadata) line(step string, source int) (line int) {
	for _, l := range m.Source.Locations[step].Locations {
		for _, r := range l.Ranges {
			if l.SourceIndex == source && (line == 0 || r.Start.Line < line) {
				line = r.Start.Line
			}
		}
	}
	return line
}

// findExact is find by what provenance says. Layers up to the one of a FROM are the base image's.
func (d *Dockerfile) findExact(digests []string, all []step, record []int, base int) (at []*dockerfile.Instruction, stage *dockerfile.Stage, low int) {
	at, low = make([]*dockerfile.Instruction, len(all)), base
	for i, digest := range digests {
		if in := d.made[digest]; in != nil && in.Verb == "FROM" {
			low = max(low, i+1)
		}
	}
	stage = d.built()
	chain := stage.Chain()
	for i, digest := range digests {
		if in := d.made[digest]; i >= low && slices.Contains(chain, in) {
			at[record[i]] = in
		}
	}
	return at, stage, low
}

// built is the stage that was asked for: by its name or its number, otherwise the last.
func (d *Dockerfile) built() *dockerfile.Stage {
	stages := d.file.Stages
	if n, err := strconv.Atoi(d.target); err == nil && n >= 0 && n < len(stages) {
		return stages[n]
	}
	return cmp.Or(d.file.Stage(d.target), stages[len(stages)-1])
}
