#include "simulator.h"

int main(int argc, char** argv) { return efs::simulator::run({argv + 1, argv + argc}); }
