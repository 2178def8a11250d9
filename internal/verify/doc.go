// Package verify proves, from what the kernel and the engine say, that
// userns-remap holds: that every process of every container is where the ID map
// says, and that what runs here still works.
//
// Looking and deciding are apart: what was seen is a value, and results are made
// of it without asking anything again.
package verify
