// Package house holds the tests that keep the house: which package may import
// which, what the modelled kernel must not touch, that every function entry and
// call site tells the truth about Linux, and that files and docs are in order.
package house
