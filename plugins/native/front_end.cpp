#include "plugins/listener/http.h"
