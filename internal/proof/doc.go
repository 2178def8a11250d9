// Package proof decides what has to hold before a change of userns-remap stays.
package proof
