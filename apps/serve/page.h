// The page at "/": a chat. It works offline and loads nothing.
#pragma once

namespace pumice_serve {

inline constexpr const char* kPage = R"page(<!doctype html><title>Pumice</title>)page";

}  // namespace pumice_serve
