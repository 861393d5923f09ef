// Enumerations that JavaScript knows: it reads their codes by name from what native/binding/constants.cc exports.
#pragma once

// The enum, and the text of its enumerators, which are counted from 0: kFloat32 is called float32 in JavaScript.
#define ADJOINT_ENUM(head, names, ...) \
  enum head { __VA_ARGS__ };           \
  static constexpr const char* names = #__VA_ARGS__
