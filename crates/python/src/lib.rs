//! The private extension module oddsengine._core: conversion, no decisions.
