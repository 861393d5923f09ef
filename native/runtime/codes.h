// Enumerations that JavaScript uses: it reads their codes by name from the exports of native/binding/constants.cc.
#pragma once

// The enum, and the text of its enumerators, which count from 0: kFloat32 is float32 in JavaScript.
#define ADJOINT_ENUM(head, names, ...) \
  enum head { __VA_ARGS__ };           \
  static constexpr const char* names = #__VA_ARGS__
