package survey

import "slices"

// ObjectKind is a kind of object that an engine has.
type ObjectKind string

// The kinds, in the order in which they are shown.
const (
	KindContainer ObjectKind = "container"
	KindVolume    ObjectKind = "volume"
	KindNetwork   ObjectKind = "network"
	KindImage     ObjectKind = "image"
)

// ObjectKinds are all of them.
var ObjectKinds = []ObjectKind{KindContainer, KindVolume, KindNetwork, KindImage}

// Record is what the engine had before remap was turned on, as the manifest of that
// change has it.
type Record struct {
	Change   string // its ID
	DataRoot string // that the change led to
	Objects  []RecordedObject
}

// RecordedObject is an object of a record. An image is in it once for each of its tags;
// one without a tag is left out, since nothing asks for it by name.
type RecordedObject struct {
	Kind     ObjectKind
	Name     string
	Ran      bool     // a container that ran
	UsedBy   []string // the containers that mounted a volume
	Accepted bool     // the operator knows that it is missing
}

// Missing gives the objects that the engine does not have now, and the containers
// that ran and do not run now. They are found by name: what was recreated has
// another ID.
func (r Record) Missing(f Facts) []RecordedObject {
	now, runs := f.Names()
	return slices.DeleteFunc(slices.Clone(r.Objects), func(o RecordedObject) bool {
		return now[o.Kind][o.Name] && (!o.Ran || runs[o.Name])
	})
}

// Names are the names of what the engine has, and of the containers that run.
func (f Facts) Names() (all map[ObjectKind]map[string]bool, runs map[string]bool) {
	all = map[ObjectKind]map[string]bool{KindContainer: {}, KindVolume: {}, KindNetwork: {}, KindImage: {}}
	runs = map[string]bool{}
	for _, c := range f.Containers.Value {
		all[KindContainer][c.Name], runs[c.Name] = true, c.Running()
	}
	for _, v := range f.Volumes.Value {
		all[KindVolume][v.Name] = true
	}
	for _, n := range f.Networks.Value {
		all[KindNetwork][n.Name] = true
	}
	for _, i := range f.Images.Value {
		for _, tag := range i.Tags {
			all[KindImage][tag] = true
		}
	}
	return all, runs
}

// Unlisted is why it is unknown what the engine has of a kind now.
func (f Facts) Unlisted(k ObjectKind) error {
	return map[ObjectKind]error{KindContainer: f.Containers.Err, KindVolume: f.Volumes.Err, KindNetwork: f.Networks.Err, KindImage: f.Images.Err}[k]
}
